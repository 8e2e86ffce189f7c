"""What a policy that learns is told: how a contact that it gave to an agent ended."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec

from policies.view import AgentView, ContactView, Policy


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a served contact ended. The two views are those of the decision, before it was given."""

    contact: ContactView
    agent: AgentView
    decided_at: float
    handle_s: float
    solved: bool


@runtime_checkable
class Learner(Policy, Protocol):
    """A policy that knows more after every outcome.

    `decide` stays a pure function of the view, the dice and what was learned before; only `learn`
    changes what it knows.
    """

    def learn(self, outcome: Outcome) -> None:
        """Take in how a contact ended. Outcomes come in the order in which contacts end."""
        ...
