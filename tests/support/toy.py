"""A machine small enough to prove the host with: a session that journals what it is told.

`Say` journals a message and delivers it to every attached socket; the text `poison` raises,
`poison settle` raises at the end of the turn, `tell X` also tells session X to note it, `end` ends
the session. Notes come as `AgentLost` (its agent's name is the note).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from actors.addresses import Address, Conn
from actors.config import OrgConfig
from actors.effects import Deliver, Effect, Journal, Put, Replay, Tell
from actors.frames import Message
from actors.machine import Context
from actors.messages import (
    AgentLost,
    Attach,
    Command,
    ConfigChanged,
    GatewayGone,
    Say,
    Tick,
)


class Toy:
    """See the module's docstring."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self.config = config
        self.seq = 0
        self.conns: list[Conn] = []
        self.notes: Counter[str] = Counter()
        self.over = False
        self.alarm: float | None = None
        self.came_back = False
        self._bad_settle = False

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        self.seq = len(timeline)
        if "notes" in records:
            self.notes = Counter(msgspec.json.decode(records["notes"]))

    def recovered(self, ctx: Context) -> list[Effect]:
        self.came_back = True
        return []

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        match command:
            case Say():
                return self._say(command, ctx)
            case Attach(conn=conn, after=after):
                self.conns = [c for c in self.conns if c != conn] + [conn]
                return [Replay(conn, after, self.seq)]
            case AgentLost(agent=note):
                self.notes[note] += 1
                return [Put("notes", msgspec.json.encode(self.notes))]
            case GatewayGone(gateway=gateway):
                self.conns = [c for c in self.conns if c.gateway != gateway]
            case ConfigChanged(config=config):
                self.config = config
            case Tick():
                self.alarm = None
                self.notes["tick"] += 1
            case _:
                pass
        return []

    def _say(self, command: Say, ctx: Context) -> list[Effect]:
        text = command.body.text
        if text == "poison":
            raise RuntimeError("poison")
        self._bad_settle = text == "poison settle"
        self.over = text == "end"
        if text.startswith("alarm "):
            self.alarm = ctx.now + float(text.removeprefix("alarm "))
        self.seq += 1
        frame = Message(
            session=self.address.id,
            seq=self.seq,
            id=ctx.new_id(),
            from_=command.person,
            at=ctx.now,
            client_id=command.client_id,
            body=command.body,
        )
        effects: list[Effect] = [Journal(frame), Deliver(tuple(self.conns), frame)]
        if text.startswith("tell "):
            to = Address("session", self.address.org, text.removeprefix("tell "))
            note = AgentLost(agent=command.client_id, session=to.id, episode=0)
            effects.append(Tell(to, note))
        return effects

    def settle(self, ctx: Context) -> list[Effect]:
        if self._bad_settle:
            raise RuntimeError("poison settle")
        return []

    def deadline(self) -> float | None:
        return self.alarm

    def gateways(self) -> set[str]:
        return {conn.gateway for conn in self.conns}

    def live(self) -> bool:
        return not self.over

    def summary(self) -> dict[str, object]:
        return {
            "id": self.address.id,
            "state": "over" if self.over else "on",
            "seq": self.seq,
            "notes": dict(self.notes),
            "version": self.config.version,
            "conns": len(self.conns),
            "came_back": self.came_back,
        }
