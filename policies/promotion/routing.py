"""Which policy decides, given how far a candidate has come."""

from __future__ import annotations

from policies.experiments.arms import ByContact, Whole
from policies.experiments.shadow import Shadow
from policies.exploring.near_ties import ExploreNearTies
from policies.promotion.gates import Stage
from policies.promotion.machine import Promotion
from policies.view import Policy


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
