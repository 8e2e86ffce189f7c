"""What a device says softly: receipts (many messages at once) and typing (at most once a second).
Losing one loses nothing; the latest is what counts."""

from __future__ import annotations

from collections.abc import Iterator

from serve.client.timelines import Timeline
from serve.wire import ReceiptFrame, TypingWire

TYPING_EVERY_S = 1.0


class Courtesies:
    """Receipts and previews that wait to be sent. `next_due_at` tells when `due` has some."""

    def __init__(self, receipt_every_s: float) -> None:
        self._receipt_every_s = receipt_every_s
        self._receipts: dict[str, Timeline] = {}
        self._receipts_at: float | None = None
        self._previews: dict[str, str] = {}
        self._typed_at: dict[str, float] = {}

    @property
    def next_due_at(self) -> float | None:
        """When there is something to send; None: nothing waits."""
        typing_at = [self._typed_at.get(s, 0.0) + TYPING_EVERY_S for s in self._previews]
        if self._receipts_at is not None:
            typing_at.append(self._receipts_at)
        return min(typing_at, default=None)

    def note_receipt(self, timeline: Timeline, now: float) -> None:
        """The timeline's `delivered` or `read` has grown: say so soon, once for many."""
        self._receipts[timeline.session] = timeline
        if self._receipts_at is None:
            self._receipts_at = now + self._receipt_every_s

    def type(self, session: str, preview: str, now: float) -> TypingWire | None:
        """Return the frame if it may go now; otherwise the latest preview goes a second after the
        last."""
        if now - self._typed_at.get(session, now - TYPING_EVERY_S) < TYPING_EVERY_S:
            self._previews[session] = preview
            return None
        self._typed_at[session] = now
        self._previews.pop(session, None)
        return TypingWire(session=session, preview=preview)

    def said(self, session: str) -> None:
        """The text was sent: its preview is history."""
        self._previews.pop(session, None)

    def due(self, now: float) -> Iterator[ReceiptFrame | TypingWire]:
        """Yield what is to be sent now."""
        if self._receipts_at is not None and now >= self._receipts_at:
            for timeline in self._receipts.values():
                yield ReceiptFrame(
                    session=timeline.session, delivered=timeline.delivered, read=timeline.read
                )
            self._receipts.clear()
            self._receipts_at = None
        for session in [s for s in self._previews if now >= self._typed_at[s] + TYPING_EVERY_S]:
            self._typed_at[session] = now
            yield TypingWire(session=session, preview=self._previews.pop(session))

    def forget(self, session: str) -> None:
        """The device has left the session."""
        self._receipts.pop(session, None)
        self._previews.pop(session, None)
        self._typed_at.pop(session, None)
