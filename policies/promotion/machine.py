"""The promotion as a machine: an event in, the next state out, nothing else touched.

    offline -> simulator -> shadow -> exploration -> ramp 1, 5, 25, 50 % -> live
                                  any stage -> rolled_back -> offline (a new attempt)

A stage is left upwards by one `Advance` that names it, and only with evidence that was judged good
enough at that stage, in this attempt. A repeated event changes nothing.
"""

from __future__ import annotations

from typing import Any, assert_never

import msgspec

from policies.promotion.evidence import Comparison, Evidence
from policies.promotion.gates import ORDER, SHARE, Gates, Stage, shortcomings
from policies.promotion.health import breaches


class Verdict(msgspec.Struct, frozen=True):
    """What was judged of the evidence at a stage."""

    stage: Stage
    evidence: Evidence
    lacks: tuple[str, ...]


class Moved(msgspec.Struct, frozen=True):
    """One line of the history."""

    at: float
    stage: Stage
    why: str


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate on its way. All of it is durable."""

    experiment: str
    candidate: str
    live: str
    candidate_parameters: dict[str, Any] = {}
    """As in a queue's settings."""
    live_parameters: dict[str, Any] = {}
    stage: Stage = Stage.OFFLINE
    attempt: int = 1
    since: float
    """When this stage began."""
    verdict: Verdict | None = None
    """Of this stage, in this attempt; the last one counts."""
    history: tuple[Moved, ...] = ()

    @property
    def share(self) -> float:
        """Return the share of contacts that the candidate decides."""
        return SHARE.get(self.stage, 0.0)


class Submit(msgspec.Struct, frozen=True):
    """Judge this evidence at the present stage."""

    evidence: Evidence


class Advance(msgspec.Struct, frozen=True):
    """Leave this stage for the next one."""

    stage: Stage


class Watch(msgspec.Struct, frozen=True):
    """See how both arms do; on a breach the candidate is taken back."""

    comparisons: tuple[Comparison, ...]


class RollBack(msgspec.Struct, frozen=True):
    """Take the candidate back, whatever its stage."""

    why: str


class Restart(msgspec.Struct, frozen=True):
    """Begin again after attempt number `attempt` was rolled back."""

    attempt: int


Event = Submit | Advance | Watch | RollBack | Restart


class Step(msgspec.Struct, frozen=True):
    """The state after an event, and why nothing happened, if so."""

    state: Promotion
    refused: str = ""


def step(state: Promotion, event: Event, now: float, gates: Gates) -> Step:
    """Return what an event makes of a promotion."""
    match event:
        case Submit(evidence=evidence):
            return _submit(state, evidence, gates)
        case Advance(stage=stage):
            return _advance(state, stage, now)
        case Watch(comparisons=comparisons):
            found = breaches(comparisons, gates.limits)
            if not found:
                return Step(state)
            if not state.share:
                return Step(state, f"{state.stage}: the candidate decides nothing here")
            return _roll_back(state, "breach: " + "; ".join(found), now)
        case RollBack(why=why):
            return _roll_back(state, why, now)
        case Restart(attempt=attempt):
            return _restart(state, attempt, now)
        case _:
            assert_never(event)


def _submit(state: Promotion, evidence: Evidence, gates: Gates) -> Step:
    if state.stage in {Stage.LIVE, Stage.ROLLED_BACK}:
        return Step(state, f"{state.stage}: asks for no evidence")
    lacks = tuple(shortcomings(state.stage, evidence, gates))
    verdict = Verdict(state.stage, evidence, lacks)
    return Step(msgspec.structs.replace(state, verdict=verdict), "; ".join(lacks))


def _advance(state: Promotion, stage: Stage, now: float) -> Step:
    if stage is not state.stage:
        return Step(state, f"it is at {state.stage}, not {stage}")
    if stage in {Stage.LIVE, Stage.ROLLED_BACK}:
        return Step(state, f"{stage}: there is no next stage")
    verdict = state.verdict
    if verdict is None or verdict.stage is not stage:
        return Step(state, f"{stage}: no evidence yet")
    if verdict.lacks:
        return Step(state, "; ".join(verdict.lacks))
    return Step(_moved(state, ORDER[ORDER.index(stage) + 1], "passed", now))


def _roll_back(state: Promotion, why: str, now: float) -> Step:
    if state.stage is Stage.ROLLED_BACK:
        return Step(state)
    return Step(_moved(state, Stage.ROLLED_BACK, why, now))


def _restart(state: Promotion, attempt: int, now: float) -> Step:
    if state.stage is not Stage.ROLLED_BACK or attempt != state.attempt:
        return Step(state, f"attempt {attempt}: it is at {state.stage} of attempt {state.attempt}")
    begun = msgspec.structs.replace(state, attempt=attempt + 1)
    return Step(_moved(begun, Stage.OFFLINE, "restarted", now))


def _moved(state: Promotion, stage: Stage, why: str, now: float) -> Promotion:
    return msgspec.structs.replace(
        state,
        stage=stage,
        since=now,
        verdict=None,
        history=(*state.history, Moved(now, stage, why)),
    )
