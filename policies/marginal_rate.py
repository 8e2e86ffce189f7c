"""Marginal rate: the chat goes where one more chat adds most to the work done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from policies.draft import Draft, oldest_first
from policies.least_busy import load_order
from policies.view import AgentView, ContactView, Match, View


class MarginalRate:
    """Largest gain of total completion rate; an agent whom one more chat would slow down is spared.

    `rates`: group -> work done per second in all with 1, 2, ... contacts; the last entry holds
    beyond. Silent: a concave guess, n to the power 0.8. An agent of several groups counts as the
    best of them. With concave rates and equal agents this is least busy, which is then best; with
    others it may pack chats. Least busy settles ties. Source: Tezcan and Zhang, "Routing and
    staffing in customer service chat systems with impatient customers", Operations Research 62
    (2014).
    """

    name = "marginal_rate"

    def __init__(self, rates: Mapping[str, Sequence[float]] | None = None) -> None:
        self._rates = {group: tuple(given) for group, given in (rates or {}).items()}
        for group, given in self._rates.items():
            if not given or min(given) <= 0:
                raise ValueError(f"rates.{group}: {list(given)}; allowed: numbers above 0")

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        return oldest_first(view, self._choose)

    def _choose(self, contact: ContactView, draft: Draft) -> AgentView | None:
        best = draft.best(contact, self._order)
        if best is not None and not contact.agent and self.gain(best) < 0.0:
            return None
        return best

    def _order(self, agent: AgentView) -> tuple[float, ...]:
        """Return the key by which the pool keeps agents in order."""
        return (-self.gain(agent), *load_order(agent))

    def gain(self, agent: AgentView) -> float:
        """Return how much more the agent does per second with one more contact."""
        n = agent.contacts_n
        known = [self._rates[group] for group in agent.groups if group in self._rates]
        if not known:
            return float((n + 1) ** 0.8 - n**0.8)
        return max(_total(rates, n + 1) - _total(rates, n) for rates in known)


def _total(rates: Sequence[float], n: int) -> float:
    return rates[min(n, len(rates)) - 1] if n else 0.0
