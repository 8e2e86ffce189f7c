"""Batch assignment: all waiting contacts and free agents at once, the best sum of worths."""

from __future__ import annotations

from itertools import islice
from random import Random

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped] # no types

from policies.draft import Draft
from policies.prices import Pairs, Prices, worthiest
from policies.view import AgentView, ContactView, Match, View

CONTACTS_N, AGENTS_N = 128, 256
"""Most that one assignment looks at: the oldest contacts, the agents of lowest id."""
PER_HOUR = 1.0
"""Worth of an hour that a contact has waited, where the settings are silent."""


class BatchAssignment:
    """The assignment of most worth in all: sum of `worth` of (group, queue) plus `per_hour` x hours
    waited. Nobody is held back. Longer waits win between equals.

    Agents with room for several contacts get one per assignment, and assignments are repeated until
    nothing is left. Source: Kuhn, "The Hungarian method" (1955); Crouse, IEEE Trans. Aerospace
    52 (2016), as in scipy.
    """

    name = "batch_assignment"

    def __init__(self, worth: Pairs | None = None, per_hour: float = PER_HOUR) -> None:
        if per_hour <= 0:
            raise ValueError(f"per_hour: {per_hour}; allowed: numbers above 0")
        self._prices, self._per_s = Prices(dict(worth or {})), per_hour / 3600.0

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        draft = Draft(view)
        contacts = list(islice(draft.candidates(), CONTACTS_N))
        while contacts and len(draft.matches) < view.limit:
            room = view.limit - len(draft.matches)
            chosen = self._assigned(contacts, draft)
            for contact, agent in sorted(chosen, key=lambda pair: pair[0].order)[:room]:
                draft.give(contact, agent)
            if not chosen:
                break
            given = {contact.id for contact, _ in chosen}
            contacts = [contact for contact in contacts if contact.id not in given]
        return draft.matches

    def _assigned(
        self, contacts: list[ContactView], draft: Draft
    ) -> list[tuple[ContactView, AgentView]]:
        """Return the best assignment that gives every agent at most one contact."""
        if len(contacts) == 1:  # needs no matrix
            best = worthiest(contacts[0], draft, self._prices)
            return [] if best is None else [(contacts[0], best)]
        fit = [draft.eligible(contact)[:AGENTS_N] for contact in contacts]
        agents = list({agent.id: agent for row in fit for agent in row}.values())
        if not agents:
            return []
        column = {agent.id: at for at, agent in enumerate(agents)}
        now = draft.view.now
        value = np.full((len(contacts), len(agents)), -np.inf)
        for row, contact in enumerate(contacts):
            age = self._per_s * (now - contact.virtual_at)
            for agent in fit[row]:
                worth = self._prices.of(agent, contact.demand.queue)
                value[row, column[agent.id]] = worth + age
        return [
            (contacts[row], agents[at])
            for row, at in zip(*linear_sum_assignment(_finite(value), maximize=True), strict=True)
            if np.isfinite(value[row, at])
        ]


def _finite(value: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> object:
    """Return the matrix with pairs that are not allowed far below any sum of those that are."""
    allowed = np.isfinite(value)
    span = float(np.ptp(value[allowed])) + 1.0
    least = float(value[allowed].min())
    return np.where(allowed, value, least - span * min(value.shape) - 1.0)
