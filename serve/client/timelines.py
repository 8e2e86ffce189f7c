"""Where a device stands in each session: what it has, so that nothing is shown twice or skipped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from actors.frames import JournalFrame, SessionFrame
from serve.wire import Cursor

HELLO_CURSORS = 500
"""The wire's limit of `hello.cursors`."""
REMEMBERED_N = 2000
"""Sessions whose cursors a device keeps; the least recently attached is forgotten first."""

You = Literal["customer", "serving", "consulting", "joined", "watching", "none"]


class Arrival(Enum):
    """What a journal frame is to this device."""

    NEW = auto()
    REPEAT = auto()
    GAP = auto()


@dataclass(slots=True)
class Timeline:
    """One session as this device knows it. `seq`, `aside`: the last frame of each track that the
    program was given."""

    session: str
    seq: int = 0
    aside: int = 0
    you: You = "none"
    attached: bool = False
    delivered: int = 0
    """Last message of somebody else that reached this device."""
    read: int = 0

    def admit(self, frame: JournalFrame) -> Arrival:
        """Tell whether the frame is the next of its track, and if so move the cursor on."""
        last = self.aside if frame.aside else self.seq
        if frame.seq <= last:
            return Arrival.REPEAT
        if frame.seq != last + 1:
            return Arrival.GAP
        if frame.aside:
            self.aside = frame.seq
        else:
            self.seq = frame.seq
        return Arrival.NEW

    def jump(self, snapshot: SessionFrame) -> bool:
        """Move to where an explicit reset says that frames go on; False if there was no need.

        A server that has less than this device has lost its record: its numbering is followed.
        """
        ahead = snapshot.from_seq > self.seq or snapshot.aside_from_seq > self.aside
        behind = snapshot.seq < self.seq
        if not (ahead or behind):
            return False
        self.seq = snapshot.from_seq if behind else max(self.seq, snapshot.from_seq)
        self.aside = max(self.aside, snapshot.aside_from_seq)
        return True

    def skips(self, snapshot: SessionFrame) -> bool:
        """Tell whether a snapshot without reset leaves out frames that this device lacks."""
        return snapshot.from_seq > self.seq or snapshot.aside_from_seq > self.aside

    def is_ahead_of(self, snapshot: SessionFrame) -> bool:
        """Tell whether a receipt was lost with the last connection."""
        side = "customer" if snapshot.you == "customer" else "agent"
        known = next((r for r in snapshot.receipts if r.side == side), None)
        delivered, read = (known.delivered, known.read) if known else (0, 0)
        return self.delivered > delivered or self.read > read

    @property
    def cursor(self) -> Cursor:
        """What to tell the server that this device has."""
        return Cursor(seq=self.seq, aside=self.aside)


class Timelines:
    """All sessions of a device, in the order of their last attachment. Bounded."""

    def __init__(self) -> None:
        self._by_session: dict[str, Timeline] = {}

    def of(self, session: str) -> Timeline:
        """Return the session's timeline, a new one at 0 if it is not known."""
        timeline = self._by_session.get(session)
        if timeline is None:
            timeline = self._by_session[session] = Timeline(session)
            self._forget_old(but=session)
        return timeline

    def attach(self, session: str) -> Timeline:
        """Return the session's timeline and count it as the most recent."""
        timeline = self.of(session)
        del self._by_session[session]
        self._by_session[session] = timeline
        timeline.attached = True
        return timeline

    def detach(self, session: str) -> None:
        """Note that no more frames come. The cursor stays: the session may come back."""
        timeline = self.of(session)
        timeline.attached = False
        timeline.you = "none"

    def cursors(self) -> dict[str, Cursor]:
        """Return the cursors for `hello`: of the 500 latest attached sessions, the latest last.

        A session that let go of this device is left out: if it comes back, what is repeated is
        hidden here.
        """
        attached = [line for line in self._by_session.values() if line.attached]
        return {line.session: line.cursor for line in attached[-HELLO_CURSORS:]}

    def _forget_old(self, *, but: str) -> None:
        if len(self._by_session) <= REMEMBERED_N:
            return
        idle = (key for key, line in self._by_session.items() if not line.attached and key != but)
        oldest = next(idle, None)
        if oldest is not None:
            del self._by_session[oldest]
