"""What a scenario file may say. Every field is checked; durations are seconds.

A clock time is seconds from the start of the run or "HH:MM"; the start is midnight. Arrivals and
shifts repeat every 24 hours in longer runs.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DAY_S = 86_400.0
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[int, Field(ge=1, le=5)]


def _clock(value: object) -> object:
    """Read "HH:MM" or "HH:MM:SS" as seconds; leave anything else to the field's own check."""
    if not isinstance(value, str):
        return value
    found = _CLOCK.fullmatch(value.strip())
    if found is None:
        raise ValueError(f'"{value}" is neither seconds nor "HH:MM"')
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


Clock = Annotated[NonNegative, BeforeValidator(_clock)]


class Part(BaseModel):
    """A part of a scenario: unknown fields are refused, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Duration(Part):
    """How long something takes."""

    shape: Literal["exponential", "lognormal", "gamma", "fixed", "empirical"] = "exponential"
    mean_s: Positive | None = None
    """Needed for every shape but `empirical`; there it rescales the samples."""
    cv: Positive = 1.0
    """Standard deviation over mean, for `lognormal` and `gamma`."""
    samples_s: list[NonNegative] = []
    """Observed durations that `empirical` draws from."""

    @model_validator(mode="after")
    def _complete(self) -> Duration:
        if self.shape == "empirical":
            if not any(self.samples_s):
                raise ValueError("samples_s: an empirical shape needs at least one positive sample")
        elif self.mean_s is None:
            raise ValueError(f"mean_s: a {self.shape} shape needs a mean, a number above 0")
        return self

    @property
    def mean(self) -> float:
        """Return the mean in seconds."""
        return self.mean_s or sum(self.samples_s) / len(self.samples_s)


class Rate(Part):
    """Arrivals from a clock time until the next entry."""

    from_s: Clock = Field(0.0, alias="from")
    per_hour: NonNegative


class DayFactor(Part):
    """A random factor of a whole day's arrivals, mean 1, drawn anew for each day."""

    shape: Literal["gamma", "lognormal"] = "gamma"
    cv: Positive


class Silent(Part):
    """Chat customers who leave without a word."""

    share: Share
    """Of those who give up."""
    notice: Duration
    """The slot is held until the agent has noticed."""


class Transfer(Part):
    """A served contact goes on to another type, with its age."""

    to: str
    share: Share


class Retry(Part):
    """Blocked and impatient contacts that try again, as new arrivals."""

    share: Share
    after: Duration
    most: Annotated[int, Field(ge=1, le=20)] = 3


class ContactType(Part):
    """Contacts that arrive, wait and are served alike."""

    arrivals: list[Rate]
    day_factor: DayFactor | None = None
    handle: Duration
    wrap_up: Duration | None = None
    patience: Duration | None = None
    """None: waits as long as it takes."""
    silent: Silent | None = None
    needs: dict[str, Level] | None = None
    """Skill -> lowest level; None: the skill named like the type, at level 1."""
    units: Annotated[int, Field(ge=1)] = 1
    priority_points: float = 0.0
    """Each point makes a contact 60 s older on arrival."""
    transfers: list[Transfer] = []
    retry: Retry | None = None
    service_level_s: NonNegative = 20.0
    reward: NonNegative = 1.0
    """What it is worth to solve one."""

    @model_validator(mode="before")
    @classmethod
    def _constant_rate(cls, data: Any) -> Any:
        """Let `arrivals: {per_hour: 60}` stand for a profile of one entry."""
        if isinstance(data, dict) and isinstance(data.get("arrivals"), dict):
            return {**data, "arrivals": [data["arrivals"]]}
        return data

    @model_validator(mode="after")
    def _sound(self) -> ContactType:
        starts = [rate.from_s for rate in self.arrivals]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts or starts[-1] >= DAY_S:
            raise ValueError(
                'arrivals: needs entries in order, the first "from" 0, all within 24 h'
            )
        if sum(transfer.share for transfer in self.transfers) > 1 + 1e-9:
            raise ValueError("transfers: the shares add up to more than 1")
        if self.silent is not None and self.patience is None:
            raise ValueError("silent: needs patience, or nobody ever leaves")
        return self


class Shift(Part):
    """Agents on duty from one clock time to another; they finish what they hold."""

    agents: Annotated[int, Field(ge=1)]
    hours: list[str]
    """["08:00-12:00", "12:30-16:30"]: a pause is a gap."""

    def spans(self) -> list[tuple[float, float]]:
        """Return (begin, end) in seconds, in order."""
        found = []
        for span in self.hours:
            begin, _, end = span.partition("-")
            found.append((float(str(_clock(begin))), float(str(_clock(end)))))
        return found

    @model_validator(mode="after")
    def _in_order(self) -> Shift:
        edges = [edge for span in self.spans() for edge in span]
        if not edges or sorted(set(edges)) != edges or edges[-1] > DAY_S:
            raise ValueError('hours: needs "HH:MM-HH:MM" spans in order, apart, up to 24:00')
        return self


class Group(Part):
    """Agents who are alike."""

    agents: Annotated[int, Field(ge=1)] | None = None
    """On duty all the time; or give `shifts`."""
    shifts: list[Shift] = []
    skills: dict[str, Level]
    capacity: Annotated[int, Field(ge=1, le=100)] = 1
    rates: list[Positive] = [1.0]
    """Total work done per second with 1, 2, ... contacts; the last entry holds beyond."""
    handle_factor: dict[str, Positive] = {}
    """Type -> this group's mean handle time over the type's; 1 where it is silent."""
    solve: dict[str, Share] = {}
    """Type -> probability that this group solves it; 1 where it is silent."""
    priority: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Type -> order in which the skills are meant to be used; 1, the first, where it is silent."""
    cost_per_hour: NonNegative = 0.0
    """Of one agent, for plots of service level against cost."""

    @model_validator(mode="after")
    def _staffed_once(self) -> Group:
        if (self.agents is None) == (not self.shifts):
            raise ValueError("agents: give either agents or shifts, not both")
        return self


class Scenario(Part):
    """A contact centre and how long to watch it."""

    name: str = ""
    length: Clock
    warm_up: Clock = 0.0
    """Contacts that arrive earlier are served but not counted."""
    period_s: Positive = 3600.0
    lines: Annotated[int, Field(ge=1)] | None = None
    """Contacts in the centre at once; None: no bound."""
    policy: str = "longest_idle"
    replications: Annotated[int, Field(ge=2)] = 20
    seed: Annotated[int, Field(ge=0)] = 1
    types: dict[str, ContactType] = Field(min_length=1)
    groups: dict[str, Group] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.length <= self.warm_up:
            raise ValueError("warm_up: must end before length does")
        for name, kind in self.types.items():
            for transfer in kind.transfers:
                self._known(f"types.{name}.transfers.to", transfer.to)
        for name, group in self.groups.items():
            for field, given in (
                ("handle_factor", group.handle_factor),
                ("priority", group.priority),
                ("solve", group.solve),
            ):
                for kind_name in given:
                    self._known(f"groups.{name}.{field}", kind_name)
        for name, kind in self.types.items():
            if not any(may_serve(name, kind, group) for group in self.groups.values()):
                raise ValueError(
                    f"types.{name}.needs: no group has these skills; {needs_of(name, kind)}"
                )
        return self

    def _known(self, field: str, name: str) -> None:
        if name not in self.types:
            raise ValueError(f"{field}: {name!r} is no type; allowed: {', '.join(self.types)}")


def needs_of(name: str, kind: ContactType) -> dict[str, int]:
    """Return skill -> lowest level that contacts of this type require."""
    return {name: 1} if kind.needs is None else dict(kind.needs)


def may_serve(name: str, kind: ContactType, group: Group) -> bool:
    """Return whether the group's agents ever may serve this type."""
    fit = all(group.skills.get(skill, 0) >= least for skill, least in needs_of(name, kind).items())
    return fit and kind.units <= group.capacity
