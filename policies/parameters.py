"""The parameters that a queue's settings may give its policy: every field checked, with its bounds.

Tables by group and queue are nested in settings, `{"mean_s": {"engineers": {"billing": 240}}}`, and
flat in policies, `{("engineers", "billing"): 240.0}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Chance = Annotated[float, Field(ge=0, le=1)]
ByQueue = dict[str, NonNegative]
PositiveTable = dict[str, dict[str, Positive]]
FiniteTable = dict[str, dict[str, Finite]]
PAIRS_N = 10_000
"""Groups times queues that a linear program prices, at most."""


class ParameterError(ValueError):
    """Parameters that a policy cannot use. The text names the policy, the field and what is
    allowed."""


class Parameters(BaseModel):
    """Of one policy. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Parameters):
    """A policy without parameters."""


class Cap(Parameters):
    """`fixed_cap`."""

    cap: Annotated[int, Field(ge=1, le=100)] = 3


class Weights(Parameters):
    """`weighted`: agent -> weight."""

    weights: dict[str, NonNegative] = {}


class Means(Parameters):
    """`fastest_first` and `max_weight`: mean handle times in seconds."""

    mean_s: PositiveTable = {}


class CMu(Means):
    """`generalised_cmu`: queue -> cost of waiting, and mean handle times."""

    cost: ByQueue = {}


class Ranks(Parameters):
    """`static_skill_priority`: 1 is a group's primary queue."""

    rank: dict[str, dict[str, Annotated[int, Field(ge=1, le=100)]]] = {}


class Reserve(Parameters):
    """`idle_threshold_reserve`: free agents of the group that must be left."""

    reserve: dict[str, dict[str, Annotated[int, Field(ge=0, le=10_000)]]] = {}


class Ratios(Parameters):
    """`fixed_queue_ratio`: shares of those who wait by queue, of those who idle by group."""

    queue_ratio: ByQueue = {}
    idle_ratio: dict[str, NonNegative] = {}


class PairWeights(Parameters):
    """`weight_based`."""

    offset: FiniteTable = {}
    wait_slope: FiniteTable = {}
    idle_slope: FiniteTable = {}


class Rates(Parameters):
    """`marginal_rate`: group -> work per second in all with 1, 2, ... contacts."""

    rates: dict[str, Annotated[list[Positive], Field(min_length=1, max_length=100)]] = {}


class Worth(Parameters):
    """`batch_assignment`."""

    worth: FiniteTable = {}
    per_hour: Positive = 1.0


class Greedy(Parameters):
    """`value_greedy`."""

    worth: FiniteTable = {}
    sides: Literal["one", "both"] = "both"


class KnownCentre(Parameters):
    """What the priced policies know of a centre."""

    mean_s: PositiveTable = {}
    arrivals_per_hour: ByQueue = {}
    agents: dict[str, NonNegative] = {}
    patience_s: dict[str, Positive] = {}
    hold_s: NonNegative = 300.0

    @model_validator(mode="after")
    def _is_soon_priced(self) -> Self:
        pairs_n = len(self.agents) * len(self.arrivals_per_hour)
        if pairs_n > PAIRS_N:
            raise ValueError(f"agents x arrivals_per_hour: {pairs_n} pairs; allowed: {PAIRS_N}")
        return self

    def leave_per_s(self) -> dict[str, float]:
        """Return the rate of giving up by queue."""
        return {queue: 1.0 / patience for queue, patience in self.patience_s.items()}

    def arrivals_per_s(self) -> dict[str, float]:
        """Return arrivals per second by queue."""
        return {queue: rate / 3600.0 for queue, rate in self.arrivals_per_hour.items()}


class Priced(KnownCentre):
    """`lp_value`."""

    worth: FiniteTable = {}


class Counted(KnownCentre):
    """`ucb` and `thompson`: what was seen so far, [contacts, solved] by group and queue."""

    reward: ByQueue = {}
    seen: dict[str, dict[str, tuple[int, int]]] = {}
    seed: Annotated[int, Field(ge=0)] = 0


class Linear(Parameters):
    """`linear_bandit`."""

    prior: FiniteTable = {}
    reward: ByQueue = {}
    width: NonNegative = 0.5


class Learned(Parameters):
    """`learned`: its guards, and what predictions are worth; see `policies.learned_policy`."""

    few: Annotated[int, Field(ge=0, le=1000)] = 3
    max_wait_s: NonNegative = 120.0
    max_occupancy: Annotated[float, Field(gt=0, le=2)] = 0.92
    max_share: Annotated[float, Field(ge=1, le=1000)] = 2.0
    least_n: NonNegative = 4.0
    solved: Finite = 1.0
    rating: Finite = 0.0
    hour: Finite = 0.5


V = TypeVar("V")


def flat(nested: Mapping[str, Mapping[str, V]]) -> dict[tuple[str, str], V]:
    """Return a nested table with pairs as keys."""
    return {(group, queue): v for group, row in nested.items() for queue, v in row.items()}


P = TypeVar("P", bound=Parameters)


def checked(policy: str, model: type[P], given: Mapping[str, Any]) -> P:
    """Return the parameters, checked.

    Raises:
        ParameterError: a field is unknown or its value not allowed.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        told = []
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            text = problem["msg"]
            if problem["type"] == "extra_forbidden":
                text = f"unknown; allowed: {', '.join(model.model_fields) or 'no parameters'}"
            told.append(f"{policy}.{field}: {text}")
        raise ParameterError("; ".join(told)) from error
