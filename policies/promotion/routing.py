"""Which policy decides, given how far a candidate has come."""

from __future__ import annotations

from typing import Any

from policies.experiments.arms import ByContact, Whole
from policies.experiments.shadow import Shadow
from policies.exploring.near_ties import ExploreNearTies
from policies.promotion.gates import Stage
from policies.promotion.machine import Promotion
from policies.view import Policy

Setting = dict[str, Any]
"""`policy` and `parameters`, as a queue's settings have them."""


def routed(state: Promotion, live: Policy, candidate: Policy) -> Policy:
    """Return the policy that a stage asks for; the live one wherever nothing is to be learned."""
    if state.stage is Stage.SHADOW:
        return Shadow(live, [candidate])
    if state.stage is Stage.EXPLORATION:
        return ExploreNearTies(live)
    if state.stage is Stage.LIVE:
        return Whole(candidate, state.experiment)
    if state.share:
        return ByContact(live, candidate, state.share, state.experiment)
    return live


def setting(state: Promotion) -> Setting:
    """Return the same as a queue's settings: what to write there at this stage."""
    live = {"policy": state.live, "parameters": state.live_parameters}
    candidate = {"policy": state.candidate, "parameters": state.candidate_parameters}
    name = state.experiment
    if state.stage is Stage.SHADOW:
        return _setting("shadow", {"live": live, "shadows": [candidate]})
    if state.stage is Stage.EXPLORATION:
        return _setting("explore", live)
    if state.stage is Stage.LIVE:
        return _setting("labelled", {**candidate, "experiment": name})
    if state.share:
        both = {"live": live, "candidate": candidate}
        return _setting("ramp", {"experiment": name, **both, "share": state.share})
    return live


def _setting(policy: str, parameters: dict[str, Any]) -> Setting:
    return {"policy": policy, "parameters": parameters}
