"""What models learn from: decisions with their outcomes, from the log or from a simulation."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec

from policies import learning
from policies.decision_views import agent_of, contact_of
from policies.decisions import Decision
from policies.sim.scenario import Scenario
from policies.sim.simulation import Setting, replicate
from policies.view import HOLD, AgentView, ContactView, Match, Policy, View


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A contact, the agent who served it, both as seen when it was decided, and what came of it.
    None: not known."""

    contact: ContactView
    agent: AgentView
    at: float
    handle_s: float | None = None
    solved: bool | None = None
    rating: float | None = None


def from_log(rows: Iterable[Decision]) -> list[Sample]:
    """Return the samples of decisions that were accepted and whose outcome is known."""
    found = []
    for row in rows:
        told = row.outcome
        if told is None or row.action == HOLD or told.ending not in {None, "accepted"}:
            continue
        if told.handle_s is None and told.solved is None and told.rating is None:
            continue
        chosen = next((one for one in row.candidates if one.agent == row.action), None)
        if chosen is not None:
            found.append(
                Sample(
                    contact=contact_of(row.contact),
                    agent=agent_of(chosen),
                    at=row.at,
                    handle_s=told.handle_s,
                    solved=told.solved,
                    rating=None if told.rating is None else float(told.rating),
                )
            )
    return found


class Recorder:
    """A policy that decides like another and keeps the outcomes."""

    def __init__(self, policy: Policy) -> None:
        self._policy, self.name = policy, policy.name
        self.samples: list[Sample] = []

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the other policy's matches."""
        return self._policy.decide(view, rng)

    def learn(self, outcome: learning.Outcome) -> None:
        """Keep it."""
        self.samples.append(
            Sample(
                contact=outcome.contact,
                agent=outcome.agent,
                at=outcome.decided_at,
                handle_s=outcome.handle_s,
                solved=outcome.solved,
            )
        )


def from_simulation(scenario: Scenario, policy: Policy, seed: int) -> list[Sample]:
    """Return the samples of one replication of a scenario under a policy."""
    recorder = Recorder(policy)
    replicate(Setting.of(scenario), recorder, "python", seed, 0)
    return recorder.samples
