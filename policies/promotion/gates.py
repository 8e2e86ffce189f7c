"""The gates: which evidence each stage asks for, and when it is good enough."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from policies.promotion.evidence import Evidence, Explored, Offline, Ramped, Shadowed, Simulator
from policies.promotion.health import Limits, breaches


class Stage(StrEnum):
    """Where a candidate stands. Each stage is left by one gate."""

    OFFLINE = "offline"
    SIMULATOR = "simulator"
    SHADOW = "shadow"
    EXPLORATION = "exploration"
    RAMP_1 = "ramp_1"
    RAMP_5 = "ramp_5"
    RAMP_25 = "ramp_25"
    RAMP_50 = "ramp_50"
    LIVE = "live"
    """Every contact is the candidate's."""
    ROLLED_BACK = "rolled_back"


ORDER = tuple(stage for stage in Stage if stage is not Stage.ROLLED_BACK)
SHARE = {
    Stage.RAMP_1: 0.01,
    Stage.RAMP_5: 0.05,
    Stage.RAMP_25: 0.25,
    Stage.RAMP_50: 0.5,
    Stage.LIVE: 1.0,
}
"""Of the contacts, that the candidate decides; 0 elsewhere."""
ASKS: dict[Stage, type[Evidence]] = {
    Stage.OFFLINE: Offline,
    Stage.SIMULATOR: Simulator,
    Stage.SHADOW: Shadowed,
    Stage.EXPLORATION: Explored,
    Stage.RAMP_1: Ramped,
    Stage.RAMP_5: Ramped,
    Stage.RAMP_25: Ramped,
    Stage.RAMP_50: Ramped,
}


class Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is good enough."""

    harm: float = 0.01
    """A lift's interval may reach so far below 0, where the gate asks for no harm."""
    effective_n: float = 200.0
    unsupported_mass: float = 0.01
    replications: int = 10
    shadow_n: int = 1_000
    shadow_answered: float = 0.999
    ramp_n: int = 100
    """Contacts of the candidate, at each step of the ramp."""
    ramp_hours: float = 24.0
    limits: Limits = Limits()


def shortcomings(stage: Stage, evidence: Evidence, gates: Gates) -> list[str]:
    """Return what the evidence lacks to leave the stage; empty: it passes.

    Evidence of another kind than the stage asks for is never enough, nor is a number that is nan.
    """
    asked = ASKS.get(stage)
    if asked is None or not isinstance(evidence, asked):
        wanted = asked.__name__.lower() if asked else "none"
        return [f"{stage}: asks for {wanted}, not {type(evidence).__name__.lower()}"]
    match evidence:
        case Offline() | Explored():
            rules = [
                _at_least("lift.low", evidence.lift.low, -gates.harm),
                _at_least("effective_n", evidence.effective_n, gates.effective_n),
                _at_most("unsupported_mass", evidence.unsupported_mass, gates.unsupported_mass),
            ]
        case Simulator():
            rules = [
                _above("lift.low", evidence.lift.low, 0.0),
                _at_least("service_level.low", evidence.service_level.low, -gates.harm),
                _at_least("replications", evidence.replications, gates.replications),
            ]
        case Shadowed():
            share = evidence.answered_n / evidence.decisions_n if evidence.decisions_n else 0.0
            rules = [
                _at_least("decisions_n", evidence.decisions_n, gates.shadow_n),
                _at_least("answered", share, gates.shadow_answered),
            ]
        case Ramped():
            rules = _ramp(evidence, gates)
    return [text for text in rules if text]


def _ramp(evidence: Ramped, gates: Gates) -> list[str]:
    total = [c for c in evidence.comparisons if not c.group]
    fewest = min((min(c.candidate_n, c.live_n) for c in total), default=0)
    return [
        _at_least("candidate_n", fewest, gates.ramp_n),
        _at_least("hours", evidence.hours, gates.ramp_hours),
        *breaches(evidence.comparisons, gates.limits),
    ]


def _at_least(name: str, value: float, least: float) -> str:
    return "" if value >= least else f"{name}: {value:g}; allowed: at least {least:g}"


def _above(name: str, value: float, least: float) -> str:
    return "" if value > least else f"{name}: {value:g}; allowed: above {least:g}"


def _at_most(name: str, value: float, most: float) -> str:
    return "" if value <= most else f"{name}: {value:g}; allowed: at most {most:g}"
