"""The line: contacts in service order, each a durable record."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from actors.config import QueueConfig
from actors.effects import Drop, Put
from actors.messages import Contact
from policies.priority import virtual_at

Order = tuple[float, float, str]

FIELD = "contact:"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One contact in the line."""

    contact: Contact
    virtual_at: float
    entered_at: float

    @property
    def order(self) -> Order:
        """Sort key of service, the same as dispatch uses."""
        return (self.virtual_at, self.contact.arrived_at, self.contact.session)

    @property
    def since(self) -> float:
        """From when the wait for this queue's agents counts: a contact that was served elsewhere
        before is as old as it is in the order, but its time limit starts anew."""
        return self.entered_at if self.contact.requeued else self.contact.arrived_at


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Place).decode


class Line:
    """The waiting contacts of one queue, by session. Hard state: one record each."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._orders: list[Order] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Place]:
        """Yield the places, next to be served first."""
        return iter([self._places[order[2]] for order in self._orders])

    def get(self, session: str) -> Place | None:
        """Return the session's place, or None."""
        return self._places.get(session)

    def load(self, records: dict[str, bytes]) -> None:
        """Take over what `put` recorded."""
        for field, value in records.items():
            if field.startswith(FIELD):
                self._add(_decode(value))

    def put(self, contact: Contact, config: QueueConfig, now: float) -> tuple[Place, Put]:
        """Add the contact, or replace the one of its session; keeps when that one came in."""
        known = self._remove(contact.session)
        points = contact.priority_points + config.priority_points
        place = Place(
            contact=contact,
            virtual_at=virtual_at(contact.arrived_at, points),
            entered_at=known.entered_at if known and known.contact == contact else now,
        )
        self._add(place)
        return place, Put(FIELD + contact.session, _encode(place))

    def drop(self, session: str) -> Drop:
        """Take the session's contact out."""
        self._remove(session)
        return Drop(FIELD + session)

    def oldest_at(self) -> float | None:
        """Return since when the contact waits that has waited longest, None of an empty line."""
        return min((place.since for place in self._places.values()), default=None)

    def _add(self, place: Place) -> None:
        self._places[place.contact.session] = place
        insort(self._orders, place.order)

    def _remove(self, session: str) -> Place | None:
        place = self._places.pop(session, None)
        if place is not None:
            del self._orders[bisect_left(self._orders, place.order)]
        return place
