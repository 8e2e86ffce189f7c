"""The capacity ledger: who holds or is offered what. All of it is hard state."""

from __future__ import annotations

import heapq
from collections import defaultdict

import msgspec

from actors.effects import Drop, Effect, Put
from actors.messages import Contact

OFFER = "offer:"
HOLD = "hold:"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted offer (same id): its units are taken until `Release`."""

    id: str
    agent: str
    session: str
    episode: int
    units: int
    at: float
    queue: str = ""
    channel: str = ""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An open offer: its units are taken until it ends."""

    id: str
    agent: str
    contact: Contact
    virtual_at: float
    units: int
    made_at: float
    deadline: float
    idle_since: float
    """The agent's before the offer: given back if the offer ends through no doing of the agent."""
    channel: str = ""

    def accepted(self, now: float) -> Hold:
        """Return the hold that the offer becomes."""
        return Hold(
            id=self.id,
            agent=self.agent,
            session=self.contact.session,
            episode=self.contact.episode,
            units=self.units,
            at=now,
            queue=self.contact.queue,
            channel=self.channel,
        )

    def facts(self, now: float) -> dict[str, str | int | float | None]:
        """Return what explains the offer in a log line (R7)."""
        contact = self.contact
        return {
            "offer": self.id,
            "session": contact.session,
            "episode": contact.episode,
            "agent": self.agent,
            "queue": contact.queue,
            "waited_s": round(now - contact.arrived_at, 3),
            "virtual_at": self.virtual_at,
        }


_encode = msgspec.msgpack.Encoder().encode
_offer = msgspec.msgpack.Decoder(Offer).decode
_hold = msgspec.msgpack.Decoder(Hold).decode


class Ledger:
    """Open offers and holds, with the units of each agent; one record of each.

    Invariants: `used(agent)` is the sum over the agent's offers and holds, whatever is repeated;
    a session has at most one open offer.
    """

    def __init__(self) -> None:
        self.offers: dict[str, Offer] = {}
        self.holds: dict[str, Hold] = {}
        self._offer_of: dict[str, str] = {}
        self._offers_of: defaultdict[str, set[str]] = defaultdict(set)
        self._holds_of: defaultdict[str, set[str]] = defaultdict(set)
        self._used: defaultdict[str, int] = defaultdict(int)
        self._n: defaultdict[str, int] = defaultdict(int)
        self._used_in: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._deadlines: list[tuple[float, str]] = []

    def load(self, records: dict[str, bytes]) -> None:
        """Take over what was put."""
        for field, value in records.items():
            if field.startswith(OFFER):
                self.open(_offer(value))
            elif field.startswith(HOLD):
                self.hold(_hold(value))

    def used(self, agent: str) -> int:
        """Return the units the agent holds or is offered."""
        return self._used.get(agent, 0)

    def contacts_n(self, agent: str) -> int:
        """Return how many contacts the agent holds or is offered."""
        return self._n.get(agent, 0)

    def used_in(self, agent: str, channel: str) -> int:
        """Return the units of a channel that the agent holds or is offered."""
        return self._used_in.get((agent, channel), 0)

    def offer_of(self, session: str) -> Offer | None:
        """Return the session's open offer, or None."""
        offer = self._offer_of.get(session)
        return None if offer is None else self.offers[offer]

    def offers_to(self, agent: str) -> list[Offer]:
        """Return the agent's open offers, oldest first."""
        return [self.offers[offer] for offer in sorted(self._offers_of.get(agent, ()))]

    def held_episode(self, session: str) -> int:
        """Return the newest episode of the session that an agent holds, -1 if none."""
        held = self._holds_of.get(session, ())
        return max((self.holds[hold].episode for hold in held), default=-1)

    def holds_of(self, session: str) -> list[Hold]:
        """Return the holds of a session (two while an agent consults another)."""
        return [self.holds[hold] for hold in sorted(self._holds_of.get(session, ()))]

    def next_deadline(self) -> float | None:
        """Return when the next open offer is missed, None if there is none."""
        while self._deadlines and self._deadlines[0][1] not in self.offers:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def overdue(self, now: float) -> Offer | None:
        """Return an open offer whose deadline has come, None if there is none. Shut it next."""
        at = self.next_deadline()
        return None if at is None or at > now else self.offers[self._deadlines[0][1]]

    def open(self, offer: Offer) -> Effect:
        """Take the units for an offer."""
        assert offer.contact.session not in self._offer_of
        self.offers[offer.id] = offer
        heapq.heappush(self._deadlines, (offer.deadline, offer.id))
        self._offer_of[offer.contact.session] = offer.id
        self._offers_of[offer.agent].add(offer.id)
        self._count(offer.agent, offer.units, 1, offer.channel)
        return Put(OFFER + offer.id, _encode(offer))

    def shut(self, offer: Offer) -> Effect:
        """Give the units of an offer back."""
        del self.offers[offer.id]
        del self._offer_of[offer.contact.session]
        _discard(self._offers_of, offer.agent, offer.id)
        self._count(offer.agent, -offer.units, -1, offer.channel)
        return Drop(OFFER + offer.id)

    def hold(self, hold: Hold) -> Effect:
        """Take the units for an accepted offer."""
        self.holds[hold.id] = hold
        self._holds_of[hold.session].add(hold.id)
        self._count(hold.agent, hold.units, 1, hold.channel)
        return Put(HOLD + hold.id, _encode(hold))

    def release(self, hold: Hold) -> Effect:
        """Give the units of a hold back."""
        del self.holds[hold.id]
        _discard(self._holds_of, hold.session, hold.id)
        self._count(hold.agent, -hold.units, -1, hold.channel)
        return Drop(HOLD + hold.id)

    def _count(self, agent: str, units: int, n: int, channel: str) -> None:
        self._used_in[agent, channel] += units
        if not self._used_in[agent, channel]:
            del self._used_in[agent, channel]
        self._used[agent] += units
        self._n[agent] += n
        if not self._n[agent]:
            del self._used[agent], self._n[agent]


def _discard(sets: defaultdict[str, set[str]], key: str, value: str) -> None:
    sets[key].discard(value)
    if not sets[key]:
        del sets[key]
