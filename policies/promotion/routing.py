"""Which policy decides, given how far a candidate has come: as a queue's settings say it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from policies.promotion.gates import Stage
from policies.promotion.machine import Promotion


class QueueSetting(NamedTuple):
    """Two fields of a queue's settings."""

    policy: str
    policy_params: dict[str, Any]


def setting(state: Promotion) -> QueueSetting:
    """Return what a stage asks for; the live policy wherever nothing is to be learned."""
    live = {"policy": state.live, "parameters": state.live_parameters}
    candidate = {"policy": state.candidate, "parameters": state.candidate_parameters}
    if state.stage is Stage.SHADOW:
        return QueueSetting("shadow", {"live": live, "shadows": [candidate]})
    if state.stage is Stage.EXPLORATION:
        return QueueSetting("explore", live)
    if state.stage is Stage.LIVE:
        return QueueSetting("labelled", {**candidate, "experiment": state.experiment})
    if state.share:
        arms = {"live": live, "candidate": candidate, "share": state.share}
        return QueueSetting("ramp", {"experiment": state.experiment, **arms})
    return QueueSetting(state.live, state.live_parameters)


def settings_of_all_stages(state: Promotion) -> list[QueueSetting]:
    """Return what this promotion asks for at one stage or another."""
    return [setting(msgspec.structs.replace(state, stage=stage)) for stage in Stage]
