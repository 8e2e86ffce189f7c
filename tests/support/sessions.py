"""One organisation, its people, and a session's story told in verbs."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from actors.addresses import Address, Conn
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.effects import Effect
from actors.frames import Event, Message
from actors.messages import (
    Assign,
    Attach,
    Body,
    ContactOffered,
    Customer,
    EndSession,
    Enqueue,
    OpenSession,
    Person,
    Say,
    Transfer,
)
from actors.session import Session
from tests.support.machines import FakeContext, Rig

ORG = "acme"
ME = Address("session", ORG, "77")

CAROL = Customer(id="carol", name="Carol", vip=2, ip="10.0.0.9", device="d1")
CUSTOMER = Person(id="carol", role="customer", name="Carol")
ANN = Person(id="ann", role="agent", name="Ann")
BEN = Person(id="ben", role="agent", name="Ben")
BOT = Person(id="bot", role="agent", name="Robo", kind="bot")
LEA = Person(id="lea", role="leader", name="Lea")

PHONE = Conn("g1", 1)
LAPTOP = Conn("g2", 2)
ANN_PC = Conn("g1", 3)
BEN_PC = Conn("g2", 4)
LEA_PC = Conn("g2", 5)
BOT_PC = Conn("g3", 6)
DESK = {"ann": ANN_PC, "ben": BEN_PC, "lea": LEA_PC, "bot": BOT_PC, "carol": PHONE}

CONFIG = OrgConfig(
    org=ORG,
    version=1,
    entry_queue="sales",
    queues={
        "sales": QueueConfig(id="sales", name="Sales"),
        "support": QueueConfig(id="support", name="Support"),
        "front": QueueConfig(id="front", name="Front", kind="bot"),
    },
    agents={
        "ann": AgentConfig(id="ann", name="Ann"),
        "ben": AgentConfig(id="ben", name="Ben"),
        "bot": AgentConfig(id="bot", name="Robo", kind="bot"),
        "lea": AgentConfig(id="lea", name="Lea", role="leader"),
    },
    vip_points={2: 5.0},
)


def with_queue(queue: str, **fields: Any) -> OrgConfig:
    """Return the organisation with one queue's settings changed."""
    changed = msgspec.structs.replace(CONFIG.queues[queue], **fields)
    return msgspec.structs.replace(CONFIG, queues=CONFIG.queues | {queue: changed})


def text(words: str) -> Body:
    return Body(kind="text", text=words)


class Story(Rig[Session]):
    """A session that things happen to."""

    def __init__(self, config: OrgConfig = CONFIG, ctx: FakeContext | None = None) -> None:
        super().__init__(Session, ME, config, ctx)
        self._ids = itertools.count(1)

    @property
    def state(self) -> Any:
        return self.machine.summary()["state"]

    @property
    def episode(self) -> int:
        """The newest episode that was put into a queue."""
        return self.told(Enqueue)[-1].contact.episode

    def cid(self) -> str:
        return f"c{next(self._ids)}"

    def opens(self, **fields: Any) -> list[Effect]:
        defaults: dict[str, Any] = {"conn": PHONE, "customer": CAROL}
        return self.send(OpenSession(**defaults | fields))

    def assigned(self, agent: str = "ann", **fields: Any) -> list[Effect]:
        """Dispatch offers the newest contact to an agent, who accepts."""
        contact = self.told(Enqueue)[-1].contact
        episode, offer = contact.episode, f"o{contact.episode}"
        defaults: dict[str, Any] = {"episode": episode, "offer": offer, "purpose": contact.purpose}
        return self.send(
            ContactOffered(episode=episode, offer=offer, agent=agent),
            Assign(**defaults | {"agent": agent} | fields),
        )

    def attached(self, person: Person, **fields: Any) -> list[Effect]:
        defaults: dict[str, Any] = {"conn": DESK.get(person.id, LAPTOP), "person": person}
        return self.send(Attach(**defaults | fields))

    def says(self, person: Person, words: str, **fields: Any) -> list[Effect]:
        defaults: dict[str, Any] = {
            "conn": DESK.get(person.id, LAPTOP),
            "person": person,
            "client_id": self.cid(),
        }
        return self.send(Say(**defaults | {"body": text(words)} | fields))

    def transfers(self, person: Person = ANN, **fields: Any) -> list[Effect]:
        defaults: dict[str, Any] = {
            "conn": DESK.get(person.id, LAPTOP),
            "person": person,
            "client_id": self.cid(),
        }
        return self.send(Transfer(**defaults | fields))

    def ends(self, person: Person, **fields: Any) -> list[Effect]:
        defaults: dict[str, Any] = {
            "conn": DESK.get(person.id, LAPTOP),
            "person": person,
            "client_id": self.cid(),
        }
        return self.send(EndSession(**defaults | fields))

    def does(self, kind: Any, person: Person, **fields: Any) -> list[Effect]:
        """Send a personal command from the person's own device."""
        defaults: dict[str, Any] = {"conn": DESK.get(person.id, LAPTOP), "person": person}
        if "client_id" in kind.__struct_fields__:
            defaults["client_id"] = self.cid()
        return self.send(kind(**defaults | fields))

    def events(self, track: str = "main") -> list[str]:
        """The kinds of the journaled events of a track, in order."""
        return [f.kind for f in self.store.frames(track) if isinstance(f, Event)]

    def texts(self, track: str = "main") -> list[str]:
        return [
            f.body.text if f.body else "(recalled)"
            for f in self.store.frames(track)
            if isinstance(f, Message)
        ]


def talking(config: OrgConfig = CONFIG) -> Story:
    """Carol's session, served by Ann, both attached."""
    story = Story(config)
    story.opens()
    story.assigned("ann")
    story.attached(ANN)
    return story


def with_bot(config: OrgConfig = CONFIG) -> Story:
    """Carol's session, served by the bot."""
    story = Story(config)
    story.opens(queue="front")
    story.assigned("bot")
    story.attached(BOT)
    return story
