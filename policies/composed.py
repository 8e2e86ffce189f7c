"""Policies made of other policies, as a queue's settings name them: exploring, shadowed, switched.

{"policy": "explore", "parameters": {"policy": "least_busy", "epsilon": 0.05}}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from policies.experiments.arms import ByBlock, ByContact, Whole
from policies.experiments.design import Days, Design
from policies.experiments.shadow import BUDGET_S, Shadow
from policies.exploring.gumbel import DRAWS_N, ExploreBatch
from policies.exploring.near_ties import EPSILON, SHARE, ExploreNearTies
from policies.parameters import Chance, Finite, NonNegative, Parameters, Positive
from policies.view import Policy

Make = Callable[[str, dict[str, Any]], Policy]
"""Makes a policy by name and parameters; the registry's."""
FORTNIGHT_S = 14 * 86_400.0


class Inner(Parameters):
    """A policy within another."""

    policy: str = "longest_idle"
    parameters: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _known(self) -> Inner:
        from policies import registry  # noqa: PLC0415 - which holds these policies, too

        try:
            registry.check(self.policy, self.parameters)
        except LookupError as error:
            raise ValueError(str(error)) from error
        return self


class NearTies(Inner):
    """`explore`."""

    epsilon: Chance = EPSILON
    tie: NonNegative = 0.05
    share: Chance = SHARE
    load: Chance = 1.0
    wait_s: NonNegative = 86_400.0


class Batch(Inner):
    """`explore_batch`."""

    scale: Positive = 0.25
    draws: Annotated[int, Field(ge=1, le=10_000)] = DRAWS_N


class Shadows(Parameters):
    """`shadow`."""

    live: Inner = Field(default_factory=Inner)
    shadows: list[Inner] = Field(default=[], max_length=4)
    share: Chance = 1.0
    budget_s: Positive = BUDGET_S


class Ramp(Parameters):
    """`ramp`: a share of the contacts is the candidate's."""

    experiment: str = "ramp"
    live: Inner = Field(default_factory=Inner)
    candidate: Inner = Field(default_factory=Inner)
    share: Chance = 0.0


class Labelled(Inner):
    """`labelled`: one policy decides everything, and the log names the experiment."""

    experiment: str = "live"


class Switch(Parameters):
    """`switchback`: blocks of time; see `policies.experiments.design`."""

    experiment: str = "switchback"
    live: Inner = Field(default_factory=Inner)
    candidate: Inner = Field(default_factory=Inner)
    start: Finite = 0.0
    end: Finite = FORTNIGHT_S
    block_s: Positive = 7_200.0
    burn_in_s: NonNegative = 1_800.0
    seed: Annotated[int, Field(ge=0)] = 0
    days: Days = "weekend"
    hours: bool = True
    zone: str = "UTC"

    @model_validator(mode="after")
    def _runs(self) -> Switch:
        self.design()
        return self

    def design(self) -> Design:
        """Return the experiment's design.

        Raises:
            DesignError: it cannot be run.
        """
        return Design(
            start=self.start,
            end=self.end,
            block_s=self.block_s,
            burn_in_s=self.burn_in_s,
            seed=self.seed,
            days=self.days,
            hours=self.hours,
            zone=self.zone,
        )


def _inner(given: Inner, make: Make) -> Policy:
    return make(given.policy, given.parameters)


def _near_ties(given: NearTies, make: Make) -> Policy:
    return ExploreNearTies(
        _inner(given, make),
        epsilon=given.epsilon,
        tie=given.tie,
        share=given.share,
        load=given.load,
        wait_s=given.wait_s,
    )


def _batch(given: Batch, make: Make) -> Policy:
    return ExploreBatch(_inner(given, make), scale=given.scale, draws=given.draws)


def _shadow(given: Shadows, make: Make) -> Policy:
    shadows = [_inner(one, make) for one in given.shadows]
    return Shadow(_inner(given.live, make), shadows, share=given.share, budget_s=given.budget_s)


def _ramp(given: Ramp, make: Make) -> Policy:
    live, candidate = _inner(given.live, make), _inner(given.candidate, make)
    return ByContact(live, candidate, given.share, given.experiment)


def _labelled(given: Labelled, make: Make) -> Policy:
    return Whole(_inner(given, make), given.experiment)


def _switch(given: Switch, make: Make) -> Policy:
    live, candidate = _inner(given.live, make), _inner(given.candidate, make)
    return ByBlock(live, candidate, given.design(), given.experiment)


class Composed(NamedTuple):
    """What a composed policy's settings may say, and how it is made of them."""

    model: type[Parameters]
    make: Callable[[Any, Make], Policy]
    """Of the checked parameters, and of what makes the policies within."""


COMPOSED: dict[str, Composed] = {
    ExploreNearTies.name: Composed(NearTies, _near_ties),
    ExploreBatch.name: Composed(Batch, _batch),
    "shadow": Composed(Shadows, _shadow),
    "ramp": Composed(Ramp, _ramp),
    "labelled": Composed(Labelled, _labelled),
    "switchback": Composed(Switch, _switch),
}
"""By name."""
