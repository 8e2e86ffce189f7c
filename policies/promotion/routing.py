"""Which policy decides, given how far a candidate has come: as a queue's settings say it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from policies.learned_policy import Learned
from policies.promotion.gates import Stage
from policies.promotion.machine import Promotion
from policies.sim.own_policy import is_model


class QueueSetting(NamedTuple):
    """Two fields of a queue's settings."""

    policy: str
    policy_params: dict[str, Any]


def setting(state: Promotion) -> QueueSetting:
    """Return what a stage asks for; the live policy wherever nothing is to be learned.

    A model on trial (`learned@STORE`) is `learned` in settings: live, the model is the one that is
    promoted in the object store. In the shadow it would answer too late: the log is asked instead.
    """
    live = {"policy": _in_settings(state.live), "parameters": state.live_parameters}
    candidate = {
        "policy": _in_settings(state.candidate),
        "parameters": state.candidate_parameters,
    }
    if state.stage is Stage.SHADOW and not is_model(state.candidate):
        return QueueSetting("shadow", {"live": live, "shadows": [candidate]})
    if state.stage is Stage.EXPLORATION:
        return QueueSetting("explore", live)
    if state.stage is Stage.LIVE:
        return QueueSetting("labelled", {**candidate, "experiment": state.experiment})
    if state.share:
        arms = {"live": live, "candidate": candidate, "share": state.share}
        return QueueSetting("ramp", {"experiment": state.experiment, **arms})
    return QueueSetting(_in_settings(state.live), state.live_parameters)


def settings_of_all_stages(state: Promotion) -> list[QueueSetting]:
    """Return what this promotion asks for at one stage or another."""
    return [setting(msgspec.structs.replace(state, stage=stage)) for stage in Stage]


def _in_settings(policy: str) -> str:
    return Learned.name if is_model(policy) else policy
