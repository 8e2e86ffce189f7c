"""Decision logs of live dispatch, made ready for evaluation against any policy.

The target policy is asked again about each logged decision: the contact and the agents as they were
when it was made. A policy that draws lots says with which probabilities in `Match.why`; any other
does what it answers with probability 1. Letting the contact wait (`HOLD`) is an action, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from policies.arrays import Ints
from policies.decision_views import agent_of, contact_of
from policies.decisions import NEAR, Candidate, Decision, Outcome
from policies.offline.interference import Interference, find
from policies.offline.logged import LogError, Logged
from policies.sim.simulation import Progress
from policies.view import HOLD, Policy, QueueView, View

REWARDS: dict[str, Callable[[Outcome], float | None]] = {
    "solved": lambda told: _number(told.solved),
    "rating": lambda told: _number(told.rating),
    "not_abandoned": lambda told: None if told.abandoned is None else float(not told.abandoned),
    "minus_wait_s": lambda told: None if told.wait_s is None else -told.wait_s,
    "minus_handle_s": lambda told: None if told.handle_s is None else -told.handle_s,
    "no_recontact": lambda told: (
        None if told.recontact_7d is None else float(not told.recontact_7d)
    ),
}
"""What may be evaluated, by name."""


@dataclass(frozen=True, eq=False)
class DecisionLog:
    """Decisions whose reward is known, as arrays, and what was left out."""

    logged: Logged
    cell: Ints
    """(m,) number of each candidate's queue, intent and agent, for the reward model."""
    interference: Interference
    warnings: tuple[str, ...]


def from_decisions(
    rows: Sequence[Decision],
    target: Policy,
    reward: str,
    source: str,
    *,
    progress: Progress | None = None,
) -> DecisionLog:
    """Return the log of a target policy's evaluation by one of `REWARDS`.

    Raises:
        LogError: there is no such reward, or no decision whose reward is known.
    """
    if reward not in REWARDS:
        raise LogError(f"reward: {reward!r}; allowed: {', '.join(REWARDS)}")
    measure = REWARDS[reward]
    queues = _queues(rows)
    whole = sorted((row for row in rows if row.detail == "full"), key=lambda row: row.at)
    known = [(row, worth) for row in whole if (worth := _worth(row, measure)) is not None]
    if not known:
        raise LogError(
            f"{source}: outcome.{reward}: in none of {len(rows)} rows; allowed: at least one "
            "decision logged in full whose outcome is known"
        )
    book = _Book()
    for done, (row, worth) in enumerate(known, 1):
        book.enter(row, worth, asked_again(row, target, queues))
        if progress is not None and done % 1000 in (0, len(known) % 1000):
            progress(done, len(known))
    log = book.logged()
    log.check(source)
    return DecisionLog(log, np.array(book.cell), book.interference(), _left_out(rows, whole, known))


def asked_again(
    row: Decision, policy: Policy, queues: Mapping[str, QueueView]
) -> Mapping[str, float]:
    """Return with which probability the policy would do what: by agent, or `HOLD`."""
    agents = (agent_of(candidate) for candidate in row.candidates)
    view = View.of([contact_of(row.contact)], agents, now=row.at, queues=queues.values())
    matches = policy.decide(view, Random(row.seed))
    if not matches:
        return {HOLD: 1.0}
    why = matches[0].why
    if why is not None and why.uniform_n:
        return {one.agent: 1.0 / why.uniform_n for one in row.candidates if one.eligible}
    return why.propensities if why and why.propensities else {matches[0].agent: 1.0}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _worth(row: Decision, measure: Callable[[Outcome], float | None]) -> float | None:
    return None if row.outcome is None else measure(row.outcome)


def _queues(rows: Sequence[Decision]) -> dict[str, QueueView]:
    return {queue.id: queue for row in rows if row.scene for queue in row.scene.queues}


def _left_out(
    rows: Sequence[Decision], whole: Sequence[Decision], known: Sequence[object]
) -> tuple[str, ...]:
    said = []
    if len(whole) < len(rows):
        part = f"{len(rows) - len(whole)} of {len(rows)} decisions"
        said.append(f"detail: {part} were not logged in full and are left out")
    if len(known) < len(whole):
        part = f"{len(whole) - len(known)} of {len(whole)} decisions"
        said.append(f"outcome: of {part} it is not known (yet); they are left out")
    return tuple(said)


class _Book:
    """The arrays in the making."""

    def __init__(self) -> None:
        self.starts, self.chosen = [0], list[int]()
        self.reward, self.logging, self.target = list[float](), list[float](), list[float]()
        self.at, self.busy_s, self.agent = list[float](), list[float](), list[int]()
        self.weighed_starts, self.weighed, self.full = [0], list[int](), list[int]()
        self.cell = list[int]()
        self._agents, self._cells = dict[str, int](), dict[tuple[str, ...], int]()

    def enter(self, row: Decision, reward: float, target: Mapping[str, float]) -> None:
        """Add one decision."""
        self._weigh(row)
        # What neither policy could do is no candidate; a decision to hold always is.
        open_to = [
            one
            for one in row.candidates
            if one.eligible or one.propensity > 0 or one.agent in target
        ]
        names = [one.agent for one in open_to] + [HOLD]
        self.logging += [one.propensity for one in open_to] + [row.hold_propensity]
        self.target += [target.get(name, 0.0) for name in names]
        self.cell += [self._cell(row, name) for name in names]
        self.chosen.append(self.starts[-1] + names.index(row.action))
        self.starts.append(self.starts[-1] + len(names))
        self.reward.append(reward)

    def _weigh(self, row: Decision) -> None:
        told = row.outcome
        self.at.append(row.at)
        self.busy_s.append(np.nan if told is None or told.handle_s is None else told.handle_s)
        self.agent.append(self._number(row.action) if row.action != HOLD else -1)
        fit = [one for one in row.candidates if one.eligible or _no_room(one)]
        self.weighed += [self._number(one.agent) for one in fit]
        self.full += [int(_no_room(one)) for one in fit]
        self.weighed_starts.append(len(self.weighed))

    def _number(self, agent: str) -> int:
        return self._agents.setdefault(agent, len(self._agents))

    def _cell(self, row: Decision, agent: str) -> int:
        return self._cells.setdefault(
            (row.contact.queue, row.contact.intent, agent), len(self._cells)
        )

    def logged(self) -> Logged:
        """Return the decisions; what rounding took from a sum is given back."""
        log = Logged(
            np.array(self.starts),
            np.array(self.chosen),
            np.array(self.reward),
            np.array(self.logging),
            np.array(self.target),
        )
        sums = np.repeat(log.per_decision(log.logging), np.diff(log.starts))
        near = np.abs(sums - 1) <= 2 * NEAR
        return Logged(
            log.starts,
            log.chosen,
            log.reward,
            np.where(near, log.logging / sums, log.logging),
            log.target,
        )

    def interference(self) -> Interference:
        """Return how the decisions compete."""
        return find(
            np.array(self.at),
            np.array(self.agent),
            np.array(self.busy_s),
            np.array(self.weighed_starts),
            np.array(self.weighed, dtype=np.int64),
            full=np.array(self.full, dtype=np.int64),
        )


def _no_room(one: Candidate) -> bool:
    return one.reason == "capacity"
