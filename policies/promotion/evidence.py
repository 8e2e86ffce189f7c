"""What is known of a candidate at each gate, as frozen values that travel as JSON."""

from __future__ import annotations

import msgspec


class Lift(msgspec.Struct, frozen=True):
    """Candidate less live, with its 95 % interval."""

    value: float
    low: float
    high: float


class Offline(msgspec.Struct, frozen=True, tag="offline", forbid_unknown_fields=True):
    """An estimate from the log (`python -m policies evaluate`)."""

    estimator: str
    lift: Lift
    effective_n: float
    unsupported_mass: float
    interference: bool = False
    """Whether the log warns that decisions compete: no reason to fail, later gates tell."""


class Simulator(msgspec.Struct, frozen=True, tag="simulator", forbid_unknown_fields=True):
    """A simulation on common random numbers (`python -m policies compare`)."""

    measure: str
    lift: Lift
    service_level: Lift
    replications: int


class Shadowed(msgspec.Struct, frozen=True, tag="shadow", forbid_unknown_fields=True):
    """Decisions of live dispatch that the candidate was asked about in the shadow."""

    decisions_n: int
    answered_n: int
    """The rest raised, was late, or rested after either."""
    agreed_n: int


class Explored(msgspec.Struct, frozen=True, tag="exploration", forbid_unknown_fields=True):
    """An estimate from a log with exploration."""

    lift: Lift
    effective_n: float
    unsupported_mass: float


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One share in both arms: of all contacts (`group` empty), or of a group such as `lang=zh`."""

    measure: str
    group: str
    live_n: int
    live: float
    candidate_n: int
    candidate: float


class Ramped(msgspec.Struct, frozen=True, tag="ramp", forbid_unknown_fields=True):
    """Both arms side by side while a share of the contacts is the candidate's."""

    comparisons: tuple[Comparison, ...]
    hours: float
    """How long the arms were side by side."""


Evidence = Offline | Simulator | Shadowed | Explored | Ramped
