"""What a session knows: its durable records, and the soft state beside them.

A record is frozen and replaced whole, so "has it changed since the last commit" is one identity
test and nobody can forget to save it. What the timeline already says (numbers, client ids, who
spoke last) is not stored a second time: see `actors.session.timeline`.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from actors.addresses import Address
from actors.config import OrgConfig, QueueConfig
from actors.effects import Effect, Put
from actors.messages import Contact, Customer, Person
from actors.session.room import Room
from actors.session.timeline import Timeline

Phase = Literal["new", "waiting", "serving", "wrap-up", "closed"]

CloseReason = Literal[
    "by_customer",
    "by_agent",
    "idle_customer",
    "queue_timeout",
    "abandoned",
    "transferred",
    "no_agent",
    "blacklisted",
    "taken_over",
    "system",
]
"""Why a contact ended, as events, metrics and reports name it."""


class Opening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the contact came in. Written once."""

    customer: Customer
    at: float
    queue: str
    subject: str = ""
    needs: dict[str, int] = {}
    last_agent: str = ""
    last_ended_at: float = 0.0


class Seat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place at the session that an agent holds. `(episode, offer)` says how it was won;
    `units`: dispatch counts capacity for it (not for a take-over)."""

    person: Person
    episode: int
    since: float
    offer: str = ""
    units: bool = True


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try to find an agent, known to the queue and dispatch as `(session, episode)`.

    `offer`/`agent`: who is being asked now. `lapsed`: the last offer that ended without a yes, so
    that a late `Assign` for it is recognised. `fallback`: the queue to go back to when this one
    refuses. `by`: who asked for the transfer or consultation."""

    contact: Contact
    since: float
    by: Person | None = None
    offer: str = ""
    agent: str = ""
    lapsed: str = ""
    fallback: str = ""


class Routing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who serves, who is asked, and how it ended. `episode` is the last one given out.

    After the end `serving` is kept: it names the last agent."""

    phase: Phase = "new"
    queue: str = ""
    episode: int = 0
    attempt: Attempt | None = None
    serving: Seat | None = None
    consulting: Seat | None = None
    joined: list[Person] = []
    human: str = ""
    """The last human agent who served."""
    decision: str = ""
    """The decision that gave it the place; empty: none did."""
    reason: str = ""
    ended_at: float = 0.0
    wrap_until: float = 0.0


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one side has got (M6)."""

    delivered: int = 0
    read: int = 0


class Receipts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Both sides' marks on the main track."""

    customer: Mark = Mark()
    agent: Mark = Mark()


R = TypeVar("R", Opening, Routing, Receipts)

_encode = msgspec.json.Encoder().encode


class State:
    """One session. Hard: `opening`, `routing`, `receipts`, `timeline`. Soft: everything else."""

    __slots__ = (
        "_saved",
        "address",
        "away_since",
        "config",
        "opening",
        "place",
        "receipts",
        "room",
        "routing",
        "timeline",
        "typed_at",
        "warned_at",
    )

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self.config = config
        self.opening: Opening | None = None
        self.routing = Routing()
        self.receipts = Receipts()
        self.timeline = Timeline(address.id)
        self.room = Room()
        self.away_since: float | None = None
        """Since when the customer has no device."""
        self.warned_at: float | None = None
        self.typed_at = 0.0
        self.place: tuple[int, float] = (0, -1.0)
        """Position in the queue and estimated wait."""
        self._saved: tuple[Opening | None, Routing, Receipts] = (None, self.routing, self.receipts)

    def load(self, records: dict[str, bytes]) -> None:
        """Take over what `changes` put."""
        self.opening = _decode(records, "opening", Opening) or self.opening
        self.routing = _decode(records, "routing", Routing) or self.routing
        self.receipts = _decode(records, "receipts", Receipts) or self.receipts
        self._saved = (self.opening, self.routing, self.receipts)

    def changes(self) -> list[Effect]:
        """Return a `Put` for each record replaced since the last call."""
        saved = self._saved
        if self.routing is saved[1] and self.receipts is saved[2] and self.opening is saved[0]:
            return []
        records = (self.opening, self.routing, self.receipts)
        self._saved = records
        names = ("opening", "routing", "receipts")
        return [
            Put(name, _encode(new))
            for name, new, old in zip(names, records, saved, strict=True)
            if new is not old
        ]

    def queue(self, queue_id: str = "") -> QueueConfig:
        """Return the settings of a queue (the session's own by default); of a deleted queue the
        defaults, so that timers go on."""
        queue_id = queue_id or self.routing.queue
        return self.config.queues.get(queue_id) or QueueConfig(id=queue_id, name=queue_id)

    def closes_at(self, warned_at: float) -> float:
        """Return when a customer warned then is taken for gone."""
        return warned_at + self.queue().idle_close_s

    def label(self) -> str:
        """Return the state's name, one of those in the routing design."""
        routing = self.routing
        match routing.phase:
            case "waiting":
                return "offered" if routing.attempt and routing.attempt.offer else "waiting"
            case "serving":
                bot = routing.serving is not None and routing.serving.person.kind == "bot"
                return "with bot" if bot else "talking"
            case phase:
                return phase

    def set_routing(self, **fields: object) -> None:
        """Replace the routing record with these fields changed."""
        self.routing = msgspec.structs.replace(self.routing, **fields)


def _decode(records: dict[str, bytes], name: str, kind: type[R]) -> R | None:
    return msgspec.json.decode(records[name], type=kind) if name in records else None
