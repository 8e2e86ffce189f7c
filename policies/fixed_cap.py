"""Fixed cap: least busy, but nobody holds more than so many contacts."""

from __future__ import annotations

from random import Random

from policies.draft import Draft, oldest_first
from policies.least_busy import load_order
from policies.view import AgentView, ContactView, Match, View


class FixedCap:
    """Least busy among agents who hold fewer than `cap` contacts, whatever their capacity.

    Chats slow each other down: beyond some number an agent finishes no more per hour, and only the
    customers wait inside instead of outside. Source: Luo and Zhang, "Staffing and control of
    instant messaging contact centers", Operations Research 61 (2013).
    """

    name = "fixed_cap"

    def __init__(self, cap: int = 3) -> None:
        if cap < 1:
            raise ValueError(f"cap: {cap}; allowed: whole numbers from 1")
        self._cap = cap

        def order(agent: AgentView) -> tuple[float, ...]:
            return (float(agent.contacts_n >= cap), *load_order(agent))

        self._order = order

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, self._choose)

    def _choose(self, contact: ContactView, draft: Draft) -> AgentView | None:
        best = draft.best(contact, self._order)
        return None if best is None or best.contacts_n >= self._cap else best
