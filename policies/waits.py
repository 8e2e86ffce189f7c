"""Who waits, kept so that a round finds the next servable contact without looking at all.

Contacts of equal demand are one class, kept in service order; a class that no free agent can serve
costs a round one set operation, however many wait in it. A contact for one agent only (named, or
preferred for now) is kept under that agent and costs nothing until that agent is free.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import TypeVar

from policies.view import ContactView, Demand

Order = tuple[float, float, str]


class Waits:
    """The waiting contacts. One writer; iteration is in no particular order."""

    def __init__(self) -> None:
        self.classes: dict[Demand, list[Order]] = {}
        """Contacts that anyone fit may serve, by demand; sorted."""
        self.named: dict[str, list[Order]] = {}
        """Contacts that only one agent may serve at present, by agent; sorted."""
        self._contacts: dict[str, ContactView] = {}
        self._home: dict[str, str] = {}
        """Contact -> the agent it is kept under; empty: its class."""
        self._expiries: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._contacts)

    def __contains__(self, contact: str) -> bool:
        return contact in self._contacts

    def __getitem__(self, contact: str) -> ContactView:
        return self._contacts[contact]

    def __iter__(self) -> Iterator[ContactView]:
        return iter(self._contacts.values())

    def get(self, contact: str) -> ContactView | None:
        """Return the waiting contact of that id, or None."""
        return self._contacts.get(contact)

    def put(self, contact: ContactView, now: float) -> None:
        """Add the contact, or replace the one of the same id."""
        self.remove(contact.id)
        agent = contact.agent
        if not agent and contact.prefer and now < contact.prefer_until:
            agent = contact.prefer
            heapq.heappush(self._expiries, (contact.prefer_until, contact.id))
        self._contacts[contact.id] = contact
        self._home[contact.id] = agent
        if agent:
            insort(self.named.setdefault(agent, []), contact.order)
        else:
            insort(self.classes.setdefault(contact.demand, []), contact.order)

    def remove(self, contact: str) -> ContactView | None:
        """Take the contact out and return it; None: it did not wait."""
        found = self._contacts.pop(contact, None)
        if found is None:
            return None
        agent = self._home.pop(contact)
        if agent:
            _remove(self.named, agent, found.order)
        else:
            _remove(self.classes, found.demand, found.order)
        return found

    def advance(self, now: float) -> bool:
        """Let everybody serve the contacts whose wait for a preferred agent is over; return
        whether there were any. To be called before a view is shown."""
        moved = False
        while self._expiries and self._expiries[0][0] <= now:
            _, contact = heapq.heappop(self._expiries)
            found = self._contacts.get(contact)
            if found is not None and self._home[contact] and not found.agent:
                self.put(found, now)
                moved = True
        return moved

    def next_expiry(self) -> float | None:
        """Return when `advance` has something to do next, None if never."""
        while self._expiries:
            at, contact = self._expiries[0]
            found = self._contacts.get(contact)
            if found is not None and self._home[contact] and found.prefer_until == at:
                return at
            heapq.heappop(self._expiries)
        return None


K = TypeVar("K")


def _remove(lists: dict[K, list[Order]], key: K, order: Order) -> None:
    orders = lists[key]
    del orders[bisect_left(orders, order)]
    if not orders:
        del lists[key]
