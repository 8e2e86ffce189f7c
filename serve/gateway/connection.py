"""One open socket: who it is, what it follows, and what it has not yet been sent."""

from __future__ import annotations

from typing import Protocol

import msgspec

from actors.acts import Source
from actors.addresses import Address, Conn
from actors.frames import Error as ErrorFrame
from actors.frames import ErrorCode, encode_frame
from actors.messages import Person
from actors.permissions import SUPERVISORY, Rights
from serve.gateway.cursors import Cursors
from serve.gateway.limits import Limits, TokenBucket
from serve.gateway.permitting import frames_of
from serve.identity import Identity
from serve.wire import Start

FRAME_OVERHEAD = 64
"""Bytes that a queued frame costs beside its own: the list's and the object's."""
WRITE_BYTES = 128 * 1024
"""Taken for one write. A socket holds twice this and its queue at most, whatever is read."""


class Sink(Protocol):
    """The socket itself, as its connection sees it. Both methods return at once."""

    def wake(self) -> None:
        """There are frames to `take`; called once until they are taken."""

    def close(self, code: int, reason: str) -> None:
        """Send what is queued if that is quick, then close."""


class Asked(msgspec.Struct, frozen=True):
    """A `start` that waits for its session; `tries` counts down to 1."""

    frame: Start
    tries: int


class Connection:
    """State of one open socket. Soft: it dies with the socket, and a reconnect tells it again.

    `attached`: the sessions whose frames come here, and whether as a watcher. `wanted`: those of
    the agent's last snapshot; `followed`: the first one came. `starting`, `watching`: the `start`
    and `watch` frames not answered yet, per session. `rights`: what the person may do, by the
    settings when the socket opened; when they change, it is closed (`serve.oauth.guard`).
    `source`: from where somebody who leads acts, for the audit.
    """

    __slots__ = (
        "address",
        "attached",
        "batch",
        "bucket",
        "conn",
        "cursors",
        "device",
        "followed",
        "frames",
        "frames_allowed",
        "identity",
        "ip",
        "is_open",
        "limits",
        "number",
        "person",
        "queued",
        "refused_n",
        "rights",
        "sink",
        "source",
        "starting",
        "wanted",
        "watching",
    )

    def __init__(
        self,
        *,
        conn: Conn,
        identity: Identity,
        rights: Rights,
        sink: Sink,
        limits: Limits,
        cursors: Cursors,
        now: float,
        batch: bool = False,
        device: str = "",
        ip: str = "",
    ) -> None:
        self.conn = conn
        self.number = conn.number
        self.identity = identity
        self.person: Person = identity.person
        self.rights = rights
        self.frames_allowed = frames_of(rights.permissions)
        leads = not SUPERVISORY.isdisjoint(rights.permissions)
        self.source = Source(address=ip, client=identity.client_id) if leads else None
        self.address: Address | None = None
        self.sink = sink
        self.limits = limits
        self.cursors = cursors
        self.batch = batch
        self.device = device
        self.ip = ip
        self.attached: dict[str, bool] = {}
        self.wanted: frozenset[str] = frozenset()
        self.followed = False
        self.starting: dict[str, list[Asked]] = {}
        self.watching: dict[str, str] = {}
        self.bucket = _bucket(identity, limits, now)
        self.refused_n = 0
        self.frames: list[bytes] = []
        self.queued = 0
        self.is_open = True

    def push(self, data: bytes) -> bool:
        """Queue one encoded frame; False when that is more than a reader may leave unread."""
        if not self.is_open:
            return True
        self.queued += len(data) + FRAME_OVERHEAD
        if self.queued > self.limits.queue_bytes:
            return False
        frames = self.frames
        frames.append(data)
        if len(frames) == 1:
            self.sink.wake()
        return True

    def take(self) -> list[bytes]:
        """Return the WebSocket messages to send now, and forget them: about `WRITE_BYTES`, and at
        least one frame while there are any."""
        frames = self.frames
        if self.queued > WRITE_BYTES:
            frames = self._take_some()
        else:
            self.frames = []
            self.queued = 0
        if self.batch and len(frames) > 1:
            return [b"[" + b",".join(frames) + b"]"]
        return frames

    def _take_some(self) -> list[bytes]:
        size, n = 0, 0
        while n < len(self.frames) and size < WRITE_BYTES:
            size += len(self.frames[n]) + FRAME_OVERHEAD
            n += 1
        taken, self.frames = self.frames[:n], self.frames[n:]
        self.queued -= size
        return taken

    def close(self, code: int, reason: str) -> None:
        """Take no more frames and close the socket; later calls do nothing."""
        if self.is_open:
            self.is_open = False
            self.sink.close(code, reason)

    def drop(self) -> None:
        """Forget what is queued: its reader will not read it."""
        self.frames = []
        self.queued = 0


def _bucket(identity: Identity, limits: Limits, now: float) -> TokenBucket:
    if identity.role == "customer":
        return TokenBucket(limits.customer_rate, limits.customer_burst, now)
    return TokenBucket(limits.agent_rate, limits.agent_burst, now)


def error_frame(
    code: ErrorCode, detail: str, *, client_id: str = "", session: str = "", retry_s: float = 0.0
) -> bytes:
    """Return an encoded `error` frame."""
    frame = ErrorFrame(code=code, detail=detail, client_id=client_id, session=session)
    if retry_s:
        frame = msgspec.structs.replace(frame, retry_s=retry_s)
    return encode_frame(frame)
