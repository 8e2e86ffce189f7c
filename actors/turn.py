"""One turn of a host: machines run, their effects are sorted into what is stored and what leaves.

No waiting happens here. The host commits `Turn.changes()`, and only then lets the rest out.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.addresses import Address
from actors.codec import encode
from actors.effects import (
    AskScores,
    Count,
    Deliver,
    Drop,
    Effect,
    Forget,
    Journal,
    Log,
    Notify,
    Put,
    Record,
    Refuse,
    Remember,
    Replay,
    Scrub,
    Tell,
)
from actors.frames import JournalFrame, SoftFrame, encode_frame
from actors.machine import Context, Machine
from actors.messages import Command, Envelope
from actors.ports import Change

Outgoing = Deliver | Replay | Refuse
Noted = Remember | Forget | Count | Log


class SentTell(msgspec.Struct, frozen=True):
    """A committed tell on its way: confirmed to the journal by (partition, id)."""

    partition: int
    id: str
    envelope: Envelope


class Turn:
    """Collects what the machines of one host want in one turn.

    Args:
        ctx: time, ids and dice for the machines.
        new_tell_id: returns ids that sort in the order of sending.
    """

    def __init__(self, ctx: Context, new_tell_id: Callable[[], str]) -> None:
        self.ctx = ctx
        self.touched: dict[Address, Machine] = {}
        self.outgoing: dict[Address, list[Outgoing]] = {}
        self.noted: list[tuple[Address, Noted]] = []
        self.notifies: list[Envelope] = []
        self.asked: list[tuple[Address, AskScores]] = []
        self.defects = 0
        self._new_tell_id = new_tell_id
        self._changes: dict[Address, Change] = {}
        self._tells: dict[Address, list[SentTell]] = {}
        self._encoded: dict[int, tuple[JournalFrame | SoftFrame, bytes]] = {}

    def run(self, machine: Machine, command: Command) -> None:
        """Let the machine handle one command."""
        self.touched[machine.address] = machine
        self.take(machine.address, machine.handle(command, self.ctx))

    def settle(self, machine: Machine) -> None:
        """Let a touched machine finish its turn."""
        self.take(machine.address, machine.settle(self.ctx))

    def forget(self, address: Address) -> None:
        """Undo all that the entity wanted in this turn (its machine raised)."""
        self.touched.pop(address, None)
        self.outgoing.pop(address, None)
        self._changes.pop(address, None)
        self._tells.pop(address, None)
        self.noted = [(where, what) for where, what in self.noted if where != address]
        self.asked = [(where, what) for where, what in self.asked if where != address]

    def change(self, address: Address) -> Change:
        """Return the entity's part of the commit, made on first use."""
        change = self._changes.get(address)
        if change is None:
            change = self._changes[address] = Change(address=address)
        return change

    def has_change(self, address: Address) -> bool:
        """True when the entity wrote something in this turn."""
        return address in self._changes

    def changes(self) -> list[Change]:
        """Return what the commit must write."""
        return list(self._changes.values())

    def tells(self) -> list[SentTell]:
        """Return the tells that leave after the commit."""
        return [tell for tells in self._tells.values() for tell in tells]

    def encoded(self, frame: JournalFrame | SoftFrame) -> bytes:
        """Return the frame's wire form; a frame that is stored and delivered is encoded once."""
        known = self._encoded.get(id(frame))
        if known is None:
            known = self._encoded[id(frame)] = (frame, encode_frame(frame))
        return known[1]

    def take(self, address: Address, effects: list[Effect]) -> None:
        """Sort a machine's effects."""
        for effect in effects:
            match effect:
                case Deliver() | Replay() | Refuse():
                    self.outgoing.setdefault(address, []).append(effect)
                case Journal(frame, track):
                    data = self.encoded(frame)
                    self.change(address).frames.append((track, frame.seq, data))
                case Put(field, value):
                    change = self.change(address)
                    change.puts[field] = value
                    if field in change.drops:
                        change.drops.remove(field)
                case Drop(field):
                    change = self.change(address)
                    change.puts.pop(field, None)
                    change.drops.append(field)
                case Record(table, data):
                    self.change(address).facts.append((f"{table}/{address.org}", data))
                case Scrub(frame, track):
                    data = self.encoded(frame)
                    self.change(address).scrubs.append((track, frame.seq, data))
                case Tell(to, command):
                    self._tell(address, Envelope(to, command, address))
                case Notify(to, command):
                    self.notifies.append(Envelope(to, command, address))
                case AskScores():
                    self.asked.append((address, effect))
                case Remember() | Forget() | Count() | Log():
                    self.noted.append((address, effect))

    def _tell(self, address: Address, envelope: Envelope) -> None:
        tell = SentTell(address.partition, self._new_tell_id(), envelope)
        self.change(address).tells.append((tell.id, encode(envelope)))
        self._tells.setdefault(address, []).append(tell)
