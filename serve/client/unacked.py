"""Commands on their way: each is sent until it is answered, always with the same `client_id`, which
makes the server do it once (M2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from actors.frames import Ack, Error, ErrorCode
from serve.client.backoff import Backoff, spread_s

UNACKED_N = 1000
"""Commands that one device may have under way."""
INTERNAL_RETRY_N = 5
"""How often `internal` is taken as a passing failure: a repeat does no harm."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The command is durable."""

    client_id: str
    ack: Ack


@dataclass(frozen=True, slots=True)
class Refused:
    """The command was not done. With code None nothing is known of it."""

    client_id: str
    code: ErrorCode | None
    detail: str


Outcome = Acked | Refused


@dataclass(slots=True)
class Pending:
    """One command. `due_at`: when to send it (again); None: not on this connection's wire yet."""

    client_id: str
    data: bytes
    given_up_at: float
    due_at: float | None = None
    sent_n: int = 0
    """How often this connection has carried it without an answer."""
    refused_n: int = 0


class Unacked:
    """The commands of one device in the order they were given. Time and dice are arguments.

    A command is sent again after a reconnect, after `ack_timeout_s` without an answer, and after
    `overloaded` when the server's `retry_s` is over; later commands wait for that moment too.
    """

    def __init__(self, *, ack_timeout_s: float, give_up_s: float, backoff: Backoff) -> None:
        self._ack_timeout_s = ack_timeout_s
        self._give_up_s = give_up_s
        self._backoff = backoff
        self._pending: dict[str, Pending] = {}
        self._paused_until = 0.0
        self.next_due_at: float | None = None
        """Never later than the moment at which `due` has something to say."""

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, client_id: object) -> bool:
        return client_id in self._pending

    def add(self, client_id: str, data: bytes, now: float, *, online: bool) -> bytes | None:
        """Take a command; return its bytes if it goes out now.

        A caller adds one `client_id` once, and no more than `UNACKED_N` at a time.
        """
        pending = Pending(client_id, data, now + self._give_up_s)
        self._pending[client_id] = pending
        self._wake(pending.given_up_at)
        if not online:
            return None
        if now < self._paused_until:
            pending.due_at = self._paused_until
            self._wake(self._paused_until)
            return None
        return self._send(pending, now)

    def acked(self, ack: Ack) -> Outcome | None:
        """Return the outcome, None if the ack is a repeat or another device's."""
        if self._pending.pop(ack.client_id, None) is None:
            return None
        return Acked(ack.client_id, ack)

    def refused(self, error: Error, now: float, dice: float) -> Outcome | None:
        """Return the outcome; None if the command will be tried again or is not ours."""
        pending = self._pending.get(error.client_id)
        if pending is None:
            return None
        if not self._may_retry(pending, error.code):
            del self._pending[error.client_id]
            return Refused(error.client_id, error.code, error.detail)
        told_s = spread_s(error.retry_s, dice)
        wait_s = told_s or self._backoff.delay_s(pending.refused_n, dice)
        pending.refused_n += 1
        pending.sent_n = 0
        pending.due_at = now + wait_s
        if error.code == "overloaded":
            self._paused_until = max(self._paused_until, pending.due_at)
        self._wake(pending.due_at)
        return None

    def disconnected(self) -> None:
        """Nothing is on the wire any more."""
        self._paused_until = 0.0
        for pending in self._pending.values():
            pending.due_at = None
            pending.sent_n = 0

    def reconnected(self, now: float) -> Iterator[bytes]:
        """Yield the bytes of every command in order."""
        for pending in self._pending.values():
            yield self._send(pending, now)

    def due(self, now: float) -> tuple[list[bytes], list[Outcome], bool]:
        """Return what to send again, what is given up, and whether the connection looks dead
        (a command went unanswered twice)."""
        if self.next_due_at is None or now < self.next_due_at:
            return [], [], False
        resend: list[bytes] = []
        over: list[Outcome] = []
        dead = False
        self.next_due_at = None
        for pending in list(self._pending.values()):
            if now >= pending.given_up_at:
                del self._pending[pending.client_id]
                over.append(Refused(pending.client_id, None, "no answer for too long"))
                continue
            if pending.due_at is not None and now >= pending.due_at:
                dead = dead or pending.sent_n >= 2
                resend.append(self._send(pending, now))
            self._wake(pending.given_up_at)
            if pending.due_at is not None:
                self._wake(pending.due_at)
        return resend, over, dead

    def abandon(self, detail: str, code: ErrorCode | None = None) -> list[Outcome]:
        """Give up every command: the device is closed or was refused."""
        over: list[Outcome] = [Refused(client_id, code, detail) for client_id in self._pending]
        self._pending.clear()
        return over

    def _may_retry(self, pending: Pending, code: ErrorCode) -> bool:
        if code == "internal":
            return pending.refused_n < INTERNAL_RETRY_N
        return code == "overloaded"

    def _send(self, pending: Pending, now: float) -> bytes:
        pending.sent_n += 1
        pending.due_at = now + self._ack_timeout_s
        self._wake(pending.due_at)
        return pending.data

    def _wake(self, at: float) -> None:
        if self.next_due_at is None or at < self.next_due_at:
            self.next_due_at = at
