"""What an agent's actor knows: durable records, and who is connected."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.addresses import Conn
from actors.effects import Drop, Effect, Put
from actors.frames import OpenOffer
from actors.messages import OfferMade, Person

Status = Literal["offline", "available", "break", "missed"]

OFFER = "offer:"
SESSION = "session:"


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The status, since when, and the version dispatch knows it by."""

    status: Status = "offline"
    since: float = 0.0
    reason: str = ""
    version: int = 0

    def next(self, status: Status, reason: str, now: float) -> Clock:
        """Return the clock after a change. The version grows even if an agent's records expired
        in between (an agent who was away for days), because it is never below the time."""
        version = max(self.version + 1, int(now * 1000))
        return Clock(status=status, since=now, reason=reason, version=version)


class Held(msgspec.Struct, frozen=True):
    """One session the agent serves or consults in."""

    episode: int
    as_: Literal["serving", "consulting"]


class Answer(msgspec.Struct, frozen=True):
    """A device's answer to an offer, on its way to dispatch."""

    conn: Conn
    client_id: str
    accept: bool


_encode = msgspec.msgpack.Encoder().encode


class State:
    """One agent. Hard: clock, sessions, open offers. Soft: conns, answers under way."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sessions: dict[str, Held] = {}
        self.offers: dict[str, OpenOffer] = {}
        self.conns: list[Conn] = []
        self.devices: dict[Conn, str] = {}
        """The names of those that have one."""
        self.answers: dict[str, Answer] = {}

    def load(self, records: dict[str, bytes]) -> None:
        """Take over what was put."""
        decode = msgspec.msgpack.decode
        for field, value in records.items():
            if field == "clock":
                self.clock = decode(value, type=Clock)
            elif field.startswith(SESSION):
                self.sessions[field.removeprefix(SESSION)] = decode(value, type=Held)
            elif field.startswith(OFFER):
                self.offers[field.removeprefix(OFFER)] = decode(value, type=OpenOffer)

    def set_clock(self, clock: Clock) -> Effect:
        """Change the status."""
        self.clock = clock
        return Put("clock", _encode(clock))

    def hold(self, session: str, held: Held) -> Effect:
        """Add or replace a session."""
        self.sessions[session] = held
        return Put(SESSION + session, _encode(held))

    def let_go(self, session: str) -> Effect:
        """Take a session out."""
        self.sessions.pop(session, None)
        return Drop(SESSION + session)

    def open(self, offer: OpenOffer) -> Effect:
        """Add an offer."""
        self.offers[offer.offer] = offer
        return Put(OFFER + offer.offer, _encode(offer))

    def shut(self, offer: str) -> Effect:
        """Take an offer out."""
        self.offers.pop(offer, None)
        self.answers.pop(offer, None)
        return Drop(OFFER + offer)


def open_offer(made: OfferMade, now: float) -> OpenOffer:
    """Return the frame that shows an offer."""
    contact = made.contact
    return OpenOffer(
        offer=made.offer,
        session=contact.session,
        queue=contact.queue,
        customer=Person(id=contact.customer.id, role="customer", name=contact.customer.name),
        vip=contact.customer.vip,
        subject=contact.subject,
        summary=contact.summary,
        purpose=contact.purpose,
        waited_s=round(max(0.0, now - contact.arrived_at), 3),
        deadline=made.deadline,
        auto=made.auto,
    )
