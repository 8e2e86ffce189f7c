"""The contacts that compete for the next match: the oldest of each class, not the whole line."""

from __future__ import annotations

from collections.abc import Iterator

from policies.view import ContactView, View
from policies.waits import Order


class Heads:
    """Who may be next. Iterate, and `take` whoever was matched.

    Of a class those up to the first contact that any fit agent may take: whatever a younger one
    could be given, that one could be given, too. So a line of thousands costs no more than one.
    """

    def __init__(self, view: View) -> None:
        waiting, free = view.waiting, view.pool.free
        self._waiting = waiting
        lists = [
            orders
            for demand, orders in waiting.classes.items()
            if (view.only is None or demand.queue in view.only)
            and not free.isdisjoint(view.pool.members(demand))
        ]
        self._lines = [_Line(view, orders) for orders in lists]
        for agent in sorted(free & waiting.named.keys()):
            self._lines.append(_Line(view, waiting.named[agent]))

    def __iter__(self) -> Iterator[ContactView]:
        return (contact for line in self._lines for contact in line.heads)

    def take(self, contact: ContactView) -> None:
        """Leave the contact out from now on, and let whoever it hid come forward."""
        for line in self._lines:
            if contact in line.heads:
                line.take(contact)
                return


class _Line:
    """One sorted list of contacts, of which `heads` have come forward."""

    def __init__(self, view: View, orders: list[Order]) -> None:
        self.heads: list[ContactView] = []
        self._rest = (view.waiting[order[2]] for order in orders)
        self._view = view
        self._advance()

    def take(self, contact: ContactView) -> None:
        self.heads.remove(contact)
        if not any(_open_to_all(head) for head in self.heads):
            self._advance()

    def _advance(self) -> None:
        for contact in self._rest:
            if self._view.sees(contact):
                self.heads.append(contact)
                if _open_to_all(contact):
                    return


def _open_to_all(contact: ContactView) -> bool:
    return not contact.exclude and not contact.tried and not contact.agent
