"""A small world for one machine: a clock, an id source and a journal that applies its effects.

rig = Rig(Session, Address("session", "acme", "1"), config)
rig.send(OpenSession(...))      # one turn: handle, settle, commit; returns the effects
rig.advance(120)                # moves the clock, ticking at every deadline on the way
rig.crash()                     # a new machine from what was committed
rig.told(Enqueue)               # commands told so far, of that type
rig.frames(conn)                # frames a socket received so far
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from actors.addresses import Address, Conn
from actors.config import OrgConfig
from actors.effects import (
    Deliver,
    Drop,
    Effect,
    Journal,
    Notify,
    Put,
    Refuse,
    Replay,
    Scrub,
    Tell,
)
from actors.frames import Event, JournalFrame, Message, SoftFrame, encode_frame
from actors.machine import Machine
from actors.messages import Command, Tick

M = TypeVar("M", bound=Machine)
T = TypeVar("T")
C = TypeVar("C")

START = 1_800_000_000.0
TICKS_MAX = 1000

_decoder: msgspec.json.Decoder[Message | Event] = msgspec.json.Decoder(Message | Event)


class FakeContext:
    """A clock that moves when told, ids that count up, dice with a seed."""

    def __init__(self, now: float = START, seed: int = 0) -> None:
        self.now = now
        self._next = 1000
        self._dice = random.Random(seed)

    def new_id(self) -> str:
        self._next += 1
        return str(self._next)

    def random(self) -> float:
        return self._dice.random()


class FakeStore:
    """What the journal would hold of one entity. Refuses a gap in a track."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.tracks: dict[str, list[bytes]] = {"main": [], "aside": []}

    def apply(self, effect: Effect) -> None:
        match effect:
            case Put(field, value):
                self.records[field] = value
            case Drop(field):
                self.records.pop(field, None)
            case Journal(frame, track):
                assert frame.seq == len(self.tracks[track]) + 1, f"gap in {track}: {frame}"
                self.tracks[track].append(encode_frame(frame))
            case Scrub(frame, track):
                assert 0 < frame.seq <= len(self.tracks[track])
                self.tracks[track][frame.seq - 1] = encode_frame(frame)
            case _:
                pass

    def frames(self, track: str = "main") -> list[JournalFrame]:
        """Return the committed frames of a track, in order."""
        return [_decoder.decode(data) for data in self.tracks[track]]


class Rig(Generic[M]):
    """Runs one machine turn by turn as a host would: commit first, then deliver in order."""

    def __init__(
        self,
        kind: Callable[[Address, OrgConfig], M],
        address: Address,
        config: OrgConfig,
        ctx: FakeContext | None = None,
    ) -> None:
        self.kind = kind
        self.address = address
        self.config = config
        self.ctx = ctx or FakeContext()
        self.store = FakeStore()
        self.machine = kind(address, config)
        self.machine.restore({}, [])
        self.effects: list[Effect] = []
        self.received: dict[Conn, list[JournalFrame | SoftFrame]] = {}

    def send(self, *commands: Command) -> list[Effect]:
        """Run one turn of these commands and return all its effects, in order."""
        effects: list[Effect] = []
        for command in commands:
            effects.extend(self.machine.handle(command, self.ctx))
        effects.extend(self.machine.settle(self.ctx))
        self._run(effects)
        return effects

    def advance(self, seconds: float) -> list[Effect]:
        """Move the clock, ticking whenever the machine's deadline is reached."""
        until = self.ctx.now + seconds
        effects: list[Effect] = []
        for _ in range(TICKS_MAX):
            due = self.machine.deadline()
            if due is None or due > until:
                self.ctx.now = until
                return effects
            self.ctx.now = max(self.ctx.now, due)
            effects.extend(self.send(Tick()))
        raise AssertionError(f"{self.address} never stops ticking")

    def crash(self) -> list[Effect]:
        """Replace the machine by a new one that knows only what was committed."""
        self.machine = self.restored()
        effects = self.machine.recovered(self.ctx)
        self._run(effects)
        return effects

    def restored(self) -> M:
        """Return a second machine rebuilt from what is committed now."""
        machine = self.kind(self.address, self.config)
        timeline = self.store.tracks["main"] + self.store.tracks["aside"]
        machine.restore(dict(self.store.records), timeline)
        return machine

    def told(self, kind: type[C]) -> list[C]:
        """Return every command of this type told (or notified) so far, oldest first."""
        return [
            e.command
            for e in self.effects
            if isinstance(e, Tell | Notify) and isinstance(e.command, kind)
        ]

    def frames(self, conn: Conn, kind: type[T] | None = None) -> list[T]:
        """Return the frames this socket received so far, of one type or all."""
        return [f for f in self.received.get(conn, []) if kind is None or isinstance(f, kind)]  # type: ignore[misc]

    def refusals(self, conn: Conn | None = None) -> list[str]:
        """Return the error codes sent so far (to this socket)."""
        return [e.code for e in self.effects if isinstance(e, Refuse) and conn in (None, e.conn)]

    def _run(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.store.apply(effect)
        for effect in effects:
            self._deliver(effect)
        self.effects.extend(effects)

    def _deliver(self, effect: Effect) -> None:
        match effect:
            case Deliver(conns, frame, _):
                for conn in conns:
                    self.received.setdefault(conn, []).append(frame)
            case Replay(conn, after, upto, track):
                self.received.setdefault(conn, []).extend(self.store.frames(track)[after:upto])
            case _:
                pass


def of(effects: list[Effect], kind: type[T]) -> list[T]:
    """Return the effects of one type, in order."""
    return [effect for effect in effects if isinstance(effect, kind)]
