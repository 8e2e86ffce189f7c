"""What a socket has already got of each session: the last seq of each track (M4, M5)."""

from __future__ import annotations

from typing import Literal

from actors.ports import Track
from serve.wire import Cursor

Verdict = Literal["new", "old", "gap"]

KEEP_N = 1000
"""Sessions remembered per socket. Kept after a session leaves the socket: it may come back."""


class Cursors:
    """The seqs one socket has, per session. Pure; lost with the socket, told again by `hello`."""

    __slots__ = ("_asked", "_at")

    def __init__(self, start: dict[str, Cursor]) -> None:
        self._at: dict[str, list[int]] = {s: [c.seq, c.aside] for s, c in start.items()}
        self._asked: dict[tuple[str, Track], int] = {}

    def of(self, session: str) -> Cursor:
        """Return the last seq of each track that the socket has (0: nothing)."""
        at = self._at.get(session)
        return Cursor(at[0], at[1]) if at else Cursor()

    def sessions(self) -> list[str]:
        """Return every session with a cursor, oldest first."""
        return list(self._at)

    def declare(self, session: str, cursor: Cursor) -> None:
        """Set what the device says it has, unless the socket itself is further."""
        at = self._entry(session)
        at[0], at[1] = max(at[0], cursor.seq), max(at[1], cursor.aside)

    def pass_frame(self, session: str, track: Track, seq: int) -> Verdict:
        """Judge a journal frame: `new` (and counted), `old` (drop it), or `gap`: a frame before
        it is missing, so drop it and attach again from `of(session)`.

        A gap is reported once per place; if the same gap comes back after a new attachment, the
        session has none to give and the frame passes.
        """
        at = self._entry(session)
        index = 1 if track == "aside" else 0
        last = at[index]
        if seq == last + 1:
            at[index] = seq
            return "new"
        if seq <= last:
            return "old"
        if self._asked.get((session, track)) != last:
            self._asked[(session, track)] = last
            return "gap"
        at[index] = seq
        return "new"

    def snapshot(self, session: str, cursor: Cursor, first: Cursor) -> None:
        """A snapshot says the session ends at `cursor` and that frames after `first` follow."""
        at = self._entry(session)
        at[0] = max(min(at[0], cursor.seq), first.seq)
        at[1] = max(min(at[1], cursor.aside), first.aside)

    def _entry(self, session: str) -> list[int]:
        at = self._at.get(session)
        if at is None:
            if len(self._at) >= KEEP_N:
                self._at.pop(next(iter(self._at)))
            at = self._at[session] = [0, 0]
        return at
