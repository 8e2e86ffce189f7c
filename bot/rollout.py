"""How a newly trained version comes out: through a gate, unseen, for a tenth, for all; and back.

    queued -> training -> shadow -> tenth -> all
                      \\-> rejected, failed     \\-> (from anywhere on trial) rolled_back

Pure: `step` takes a state and a command and returns the next state, or says why not. A command that
comes late or twice changes nothing.
"""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

Stage = Literal["queued", "training", "rejected", "failed", "shadow", "tenth", "all", "rolled_back"]
OVER: frozenset[Stage] = frozenset({"rejected", "failed", "all", "rolled_back"})
MAX_LOSS = 0.005
"""How much accuracy on the reviewed questions a new version may lose: half a point."""
MAX_CALIBRATION_ERROR = 0.03
CALIBRATED_N = 50
"""Reviewed questions below which a calibration error is chance, and not held against a version."""
CLAIM_S = 600.0
"""A training that was claimed and not finished for this long may be claimed again."""
SHADOW_N, TENTH_N = 200, 100
"""Questions that must be seen before a roll-out goes on by itself."""
MAX_DISAGREEMENT = 0.3
"""In the shadow: how often it may choose another topic than the live version."""
MAX_WORSE = 0.02
"""As a tenth: how much more often its answers may fail."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What the reviewed questions said. `reasons` is empty for who passed."""

    reasons: list[str] = []
    items: int = 0
    accuracy: float | None = None
    live_accuracy: float | None = None
    calibration_error: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it may go on."""
        return not self.reasons


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Where it went, when, by whom and why."""

    stage: Stage
    at: float
    by: str = ""
    why: str = ""


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One roll-out. `version` is the candidate's number, 0 before there is one; `was_live` the one
    that it would replace."""

    steps: tuple[Step, ...]
    note: str = ""
    automatic: bool = True
    version: int = 0
    was_live: int = 0
    gate: Gate | None = None

    @property
    def stage(self) -> Stage:
        """Where it is."""
        return self.steps[-1].stage

    @property
    def since(self) -> float:
        """Since when."""
        return self.steps[-1].at

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return self.stage in OVER


class Claim(msgspec.Struct, frozen=True):
    """Somebody begins to train."""

    by: str = ""


class Finish(msgspec.Struct, frozen=True):
    """The training is done: version `version` stood the gate like this."""

    gate: Gate
    version: int
    was_live: int


class Fail(msgspec.Struct, frozen=True):
    """The training cannot be done."""

    why: str


class Advance(msgspec.Struct, frozen=True):
    """On to the next stage."""

    by: str = ""
    why: str = ""


class RollBack(msgspec.Struct, frozen=True):
    """Back to what was live."""

    by: str = ""
    why: str = ""


Command = Claim | Finish | Fail | Advance | RollBack


class NotNow(msgspec.Struct, frozen=True):
    """The command does not fit where the roll-out is; nothing changed."""

    why: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen on trial. Shadow: `n` questions, `disagreed` of them. Tenth: `n` questions to
    the candidate, `failed` of them, and the same of the live version over the same time."""

    n: int = 0
    disagreed: int = 0
    failed: int = 0
    live_n: int = 0
    live_failed: int = 0


def begin(now: float, *, by: str, note: str = "", automatic: bool = True) -> Rollout:
    """Return a new roll-out, which waits to be trained."""
    step = Step(stage="queued", at=now, by=by)
    return Rollout(steps=(step,), note=note, automatic=automatic)


def step(rollout: Rollout, command: Command, now: float) -> Rollout | NotNow:
    """Return what the roll-out is after the command."""
    match command:
        case Claim():
            if rollout.stage == "queued" or _is_abandoned(rollout, now):
                return _to(rollout, Step(stage="training", at=now, by=command.by))
        case Finish():
            if rollout.stage == "training":
                return _finished(rollout, command, now)
        case Fail():
            if rollout.stage in ("queued", "training"):
                return _to(rollout, Step(stage="failed", at=now, why=command.why))
        case Advance():
            following: dict[Stage, Stage] = {"shadow": "tenth", "tenth": "all"}
            if rollout.stage in following:
                stage = following[rollout.stage]
                return _to(rollout, Step(stage=stage, at=now, by=command.by, why=command.why))
        case RollBack():
            if rollout.stage in ("queued", "training", "shadow", "tenth", "all"):
                back = Step(stage="rolled_back", at=now, by=command.by, why=command.why)
                return _to(rollout, back)
        case _:
            assert_never(command)
    return NotNow(f"it is {rollout.stage}")


def judge(rollout: Rollout, seen: Figures) -> Advance | RollBack | None:
    """Return what an automatic roll-out does on what was seen; None: wait for more."""
    if not rollout.automatic:
        return None
    match rollout.stage:
        case "shadow" if seen.n >= SHADOW_N:
            share = seen.disagreed / seen.n
            why = f"{seen.disagreed} of {seen.n} questions went to another topic"
            return RollBack(why=why) if share > MAX_DISAGREEMENT else Advance(why=why)
        case "tenth" if seen.n >= TENTH_N:
            share = seen.failed / seen.n
            usual = seen.live_failed / seen.live_n if seen.live_n else 0.0
            why = f"{share:.1%} of its questions failed, {usual:.1%} of the live version's"
            return RollBack(why=why) if share > usual + MAX_WORSE else Advance(why=why)
        case _:
            return None


def gate(
    *, items: int, accuracy: float, live_accuracy: float | None, calibration_error: float
) -> Gate:
    """Return whether a new version may go on: no drop over half a point on the reviewed questions,
    a calibration error of at most 3 % (of enough questions). `live_accuracy` None: there is nothing
    to lose."""
    reasons = []
    if items and live_accuracy is not None and accuracy < live_accuracy - MAX_LOSS - 1e-9:
        reasons.append(f"accuracy fell from {live_accuracy:.2%} to {accuracy:.2%}")
    if items >= CALIBRATED_N and calibration_error > MAX_CALIBRATION_ERROR:
        reasons.append(f"the calibration error is {calibration_error:.2%}")
    return Gate(
        reasons=reasons,
        items=items,
        accuracy=accuracy if items else None,
        live_accuracy=live_accuracy if items else None,
        calibration_error=calibration_error if items else None,
    )


def _is_abandoned(rollout: Rollout, now: float) -> bool:
    return rollout.stage == "training" and now - rollout.since >= CLAIM_S


def _finished(rollout: Rollout, command: Finish, now: float) -> Rollout:
    told = Step(stage="shadow", at=now)
    if not command.gate.passed:
        told = Step(stage="rejected", at=now, why="; ".join(command.gate.reasons))
    done = _to(rollout, told)
    return msgspec.structs.replace(
        done, gate=command.gate, version=command.version, was_live=command.was_live
    )


def _to(rollout: Rollout, reached: Step) -> Rollout:
    return msgspec.structs.replace(rollout, steps=(*rollout.steps, reached))
