"""The gateway: sockets on one side, actors on the other, no web framework on either.

The hot path, per frame in: one decode, one look-up of its role and address, one envelope appended
to the fabric. Per frame out: one append per socket, one wake-up per socket and batch. Nothing here
waits, and nothing starts a task per message.

Everything is soft state: a gateway that dies is replaced by clients that reconnect with cursors.
"""

from __future__ import annotations

import itertools

import msgspec
import structlog

from actors import messages as m
from actors.frames import Ack, ErrorCode, Pong, SoftFrame, Welcome, encode_frame
from actors.messages import Envelope
from actors.permissions import label_of
from actors.ports import Delivery
from serve import wire as w
from serve.gateway.connection import Connection, Sink, error_frame
from serve.gateway.decoding import Bad, decode_message
from serve.gateway.evicting import Evicting
from serve.gateway.following import Following, read_error, read_snapshot
from serve.gateway.mapping import Mapped, session_address, to_envelope
from serve.gateway.opening import DoorClosedError, Peer, admit, read_hello
from serve.gateway.permitting import may_send
from serve.gateway.starting import Starting
from serve.gateway.table import Table
from serve.gateway.world import World
from serve.identity import Identity

log = structlog.get_logger()

HEAD = len(b'{"t":"age')
AGENT, DETACHED, SESSION, ERROR = (
    b'{"t":"' + tag[:3] for tag in (b"agent", b"detached", b"session", b"error")
)
READ_HERE = frozenset({AGENT, DETACHED, SESSION, ERROR})
"""Beginnings of the soft frames that the gateway itself must read; `t` is always first."""

NOT_FOLLOWED = frozenset(
    {"unknown_session", "not_your_session", "session_closed", "forbidden", "session_full"}
)
"""Errors that end an attachment."""

OVER = NOT_FOLLOWED - {"session_full"}
"""Those that mean that there is nothing to follow: a device that did is told `detached`."""

KEPT = m.Attach | m.Detach | m.ConnectAgent | m.DisconnectAgent
"""Commands of the gateway's own: it sends them again until they are taken."""


class Gateway:
    """Implements `actors.ports.Receiver`; the shell opens, feeds and closes sockets."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fabric = world.fabric
        self._metrics = world.metrics
        self._limits = world.limits
        self._clock = world.clock
        self._assisting = world.assisting
        self._table = Table()
        self._numbers = itertools.count(1)
        self._following = Following(world.fabric)
        self._starting = Starting(world, self._following, self._table)
        self.evicting = Evicting(self._table, self._turn_out)
        self._in_n = 0
        self._out_n = 0
        self.draining = False

    # --- the shell's side ----------------------------------------------------------------

    async def open(self, sink: Sink, peer: Peer, message: str | bytes) -> Connection:
        """Let a socket in by its first message: verify, welcome, attach.

        Raises:
            DoorClosedError: what to tell it before closing.
        """
        if self.draining:
            raise DoorClosedError("overloaded", "This server is restarting: connect again.", 1.0)
        hello = read_hello(message, self._world)
        connection = await admit(
            hello,
            peer,
            sink,
            world=self._world,
            table=self._table,
            number=next(self._numbers),
        )
        identity, current = connection.identity, ""
        if identity.role == "customer":
            customers = self._world.customers
            current = (await customers.current(identity.org, identity.subject)).session
        # Whoever was revoked since the look at the token is not in the table yet.
        reason = self._world.objection(identity)
        if reason:
            raise DoorClosedError("bad_token", reason)
        self._replace_twin(connection)
        self._table.add(connection)
        self._count_open(identity)
        self._welcome(connection, current)
        return connection

    def receive(self, connection: Connection, message: str | bytes) -> None:
        """Take one WebSocket message of an open socket; every bad frame gets its own answer."""
        for frame in decode_message(message, self._limits):
            if not connection.is_open:
                return
            wait = connection.bucket.take(self._clock())
            if wait:
                self._slow_down(connection, frame, wait)
            elif isinstance(frame, Bad):
                self._answer(connection, frame)
            else:
                connection.refused_n = 0
                self._take(connection, frame)

    def closed(self, connection: Connection) -> None:
        """The socket is gone, for whatever reason; may be called twice."""
        connection.is_open = False
        connection.drop()
        if self._table.remove(connection):
            self._count_open(connection.identity)
            self._following.leave_all(connection)

    async def drain(self, code: int = 1012) -> None:
        """Close every socket (1012: restarting) and take no new one."""
        self.draining = True
        for connection in self._table:
            connection.close(code, "restarting: connect again")
        await self._starting.stop()

    def wrote(self, frames: int) -> None:
        """Count WebSocket frames that a socket has taken."""
        self._out_n += frames

    def report(self) -> None:
        """Export the counts; called once a second, so that a frame costs one addition."""
        self._metrics.add("frames_in_total", self._in_n)
        self._metrics.add("frames_out_total", self._out_n)
        self._metrics.flush()
        self._in_n = self._out_n = 0

    def refuse_door(self, error: DoorClosedError) -> bytes:
        """Return the error frame for a socket that may not come in, and count it."""
        self._metrics.add("errors_total", 1.0, error.code, "")
        return error_frame(error.code, error.detail, retry_s=error.retry_s)

    def open_n(self) -> int:
        """Return how many sockets are open."""
        return len(self._table)

    # --- the fabric's side: actors.ports.Receiver ----------------------------------------

    def deliver(self, batch: list[Delivery]) -> None:
        """Queue each frame at its sockets; what a socket has already is dropped (M4)."""
        get = self._table.get
        for delivery in batch:
            for number in delivery.numbers:
                connection = get(number)
                if connection is None:
                    continue
                try:
                    self._deliver_one(connection, delivery)
                except Exception:
                    log.exception("deliver.failed", connection=number)
                    connection.close(1011, "internal error: connect again")

    def refused(self, envelope: Envelope, code: str, retry_s: float) -> None:
        """A command was not taken: tell its sender, or send the gateway's own again later."""
        command = envelope.command
        conn = getattr(command, "conn", None)
        connection = self._table.get(conn.number) if conn is not None else None
        if isinstance(command, KEPT):
            self._world.later(max(retry_s, 0.05), lambda: self._send_again(envelope))
        elif connection is not None:
            session = envelope.to.id if envelope.to.kind == "session" else ""
            client_id = getattr(command, "client_id", "")
            if isinstance(command, m.OpenSession):
                client_id = self._starting.failed(connection, session)
            stable: ErrorCode = "overloaded" if code == "overloaded" else "internal"
            detail = "Not taken: send it again, with the same client_id, after retry_s."
            self._error(
                connection, stable, detail, client_id=client_id, session=session, retry_s=retry_s
            )

    def rehosted(self, host: str) -> None:
        """Attach again whatever lived on that host, from the sockets' present cursors (M8)."""
        for connection in self._table:
            self._following.rehosted(connection, host)

    # --- opening -------------------------------------------------------------------------

    def _replace_twin(self, connection: Connection) -> None:
        """The same device again: its older socket is most likely dead, the newer one counts."""
        if not connection.device:
            return
        for mate in self._table.of_person(connection):
            if mate.device == connection.device:
                detail = "This device connected again: this older connection ends."
                self._error(mate, "duplicate_login", detail)
                mate.close(4409, "duplicate login")

    def _welcome(self, connection: Connection, current: str) -> None:
        identity, resumed = connection.identity, []
        if identity.role == "customer":
            resumed = self._following.resume_customer(connection, current)
        welcome = Welcome(
            you=connection.person,
            org=identity.org,
            session=current,
            resumed=resumed,
            ping_s=self._limits.ping_s,
        )
        self._push(connection, encode_frame(welcome))
        if identity.role != "customer":
            self._following.connect_agent(connection)

    def _turn_out(self, connection: Connection, reason: str) -> None:
        self._error(connection, "bad_token", reason)
        connection.close(4401, "bad token")

    def _count_open(self, who: Identity) -> None:
        label = label_of(who.role)
        self._metrics.set("connections", self._table.open_n(who.org, label), label, who.org)

    # --- frames in -----------------------------------------------------------------------

    def _take(self, connection: Connection, frame: w.ClientFrame) -> None:
        self._in_n += 1
        if not may_send(frame, connection.rights, connection.frames_allowed):
            self._forbid(connection, frame)
            return
        match frame:
            case w.Hello():
                self._answer(connection, Bad("bad_frame", "hello is only the first frame."))
            case w.Ping():
                self._soft(connection, Pong(at=self._world.wall()))
            case w.Start():
                self._starting.start(connection, frame)
            case w.Watch():
                self._watch(connection, frame)
            case w.Suggest() | w.Used():
                self._suggest(connection, frame)
            case w.JoinFrame() | w.TakeOverFrame():
                if frame.session not in connection.attached:
                    self._following.attach(connection, frame.session, watch=True)
                self._send(connection, frame)
            case _:
                self._send(connection, frame)

    def _send(self, connection: Connection, frame: Mapped) -> None:
        envelope = to_envelope(frame, connection)
        if isinstance(envelope, Bad):
            self._answer(connection, envelope)
        else:
            self._fabric.send(envelope)

    def _suggest(self, connection: Connection, frame: w.Suggest | w.Used) -> None:
        if self._assisting is None:
            return
        if isinstance(frame, w.Suggest):
            self._assisting.typed(connection, frame.text)
        elif connection.person.role != "customer":
            self._assisting.used(connection, frame.session, frame.seq, frame.topic)

    def _watch(self, connection: Connection, frame: w.Watch) -> None:
        if session_address(connection.identity.org, frame.session) is None:
            detail = "No such session: use an id from the list of sessions."
            self._answer(connection, Bad("unknown_session", detail, frame.client_id))
            return
        connection.cursors.declare(frame.session, frame.cursor)
        connection.watching[frame.session] = frame.client_id
        self._following.attach(connection, frame.session, watch=True)

    def _forbid(self, connection: Connection, frame: w.ClientFrame) -> None:
        tag = str(frame.__struct_config__.tag)
        if getattr(frame, "aside", False):
            tag += " with `aside`"
        detail = f"The role {connection.person.role} may not send {tag}."
        client_id, session = getattr(frame, "client_id", ""), getattr(frame, "session", "")
        self._answer(connection, Bad("forbidden", detail, client_id, session))

    def _slow_down(self, connection: Connection, frame: w.ClientFrame | Bad, wait: float) -> None:
        connection.refused_n += 1
        if connection.refused_n > self._limits.refused_n:
            connection.close(1008, "too many frames")
            return
        detail = "Too many frames: send it again after retry_s, and send fewer."
        client_id = getattr(frame, "client_id", "")
        self._error(connection, "overloaded", detail, client_id=client_id, retry_s=wait)

    # --- frames out ----------------------------------------------------------------------

    def _deliver_one(self, connection: Connection, delivery: Delivery) -> None:
        if delivery.seq:
            session = delivery.session
            verdict = connection.cursors.pass_frame(session, delivery.track, delivery.seq)
            if verdict == "new":
                self._push(connection, delivery.data)
                if connection.wanted and self._assisting and delivery.track == "main":
                    self._assisting.saw(connection, session, delivery.data)
            elif verdict == "gap":
                self._following.heal(connection, session)
        elif delivery.data[:HEAD] in READ_HERE:
            self._read_soft(connection, delivery.data)
        else:
            self._push(connection, delivery.data)

    def _read_soft(self, connection: Connection, data: bytes) -> None:
        """Pass on a soft frame that also means something to the gateway."""
        match data[:HEAD]:
            case head if head == SESSION:
                self._read_session(connection, data)
            case head if head == AGENT:
                self._push(connection, data)
                self._following.follow(connection, data)
            case head if head == DETACHED:
                self._push(connection, data)
                self._following.detached(connection, data)
            case _:
                self._read_error(connection, data)

    def _read_session(self, connection: Connection, data: bytes) -> None:
        seen = read_snapshot(data)
        if self._starting.passes(connection, seen):
            self._following.snapshot(connection, seen)
            self._push(connection, data)
            self._starting.answer(connection, seen.session)
            self._answer_watch(connection, seen.session)

    def _answer_watch(self, connection: Connection, session: str) -> None:
        client_id = connection.watching.pop(session, "")
        if client_id:
            self._soft(connection, Ack(client_id=client_id, session=session))

    def _read_error(self, connection: Connection, data: bytes) -> None:
        """An error without client id answers an attachment or a start: say which, or say nothing
        when the attachment was the gateway's own idea."""
        error = read_error(data)
        if error.client_id or not error.session:
            self._push_error(connection, data, error.code)
            if error.code == "duplicate_login":  # the agent's actor wants this socket no more
                connection.close(4409, "duplicate login")
            return
        if error.code == "unknown_session" and error.session in connection.starting:
            return  # claimed before a gateway died: asked for on resuming, and opened just now
        client_id = self._starting.failed(connection, error.session)
        client_id = client_id or connection.watching.pop(error.session, "")
        if error.code in NOT_FOLLOWED:
            connection.attached.pop(error.session, None)
        if client_id:
            data = encode_frame(msgspec.structs.replace(error, client_id=client_id))
        elif error.session in connection.wanted:
            return
        elif error.code in OVER and connection.person.role != "customer":
            self._following.not_yours(connection, error.session)
            return
        self._push_error(connection, data, error.code)

    def _push_error(self, connection: Connection, data: bytes, code: str) -> None:
        self._metrics.add("errors_total", 1.0, code, connection.identity.org)
        self._push(connection, data)

    def _soft(self, connection: Connection, frame: SoftFrame) -> None:
        self._push(connection, encode_frame(frame))

    def _answer(self, connection: Connection, bad: Bad) -> None:
        self._error(connection, bad.code, bad.detail, client_id=bad.client_id, session=bad.session)

    def _error(
        self,
        connection: Connection,
        code: ErrorCode,
        detail: str,
        *,
        client_id: str = "",
        session: str = "",
        retry_s: float = 0.0,
    ) -> None:
        data = error_frame(code, detail, client_id=client_id, session=session, retry_s=retry_s)
        self._push_error(connection, data, code)

    def _push(self, connection: Connection, data: bytes) -> None:
        if not connection.push(data):
            self._metrics.add("slow_readers_total", org=connection.identity.org)
            log.info("reader.slow", org=connection.identity.org, connection=connection.number)
            connection.drop()
            connection.close(1013, "reading too slowly: connect again")

    def _send_again(self, envelope: Envelope) -> None:
        """Repeat a command of the gateway's own that no host took, if it still makes sense."""
        command = envelope.command
        if isinstance(command, m.Detach | m.DisconnectAgent):
            self._fabric.send(envelope)
            return
        conn = getattr(command, "conn", None)
        connection = self._table.get(conn.number) if conn is not None else None
        if connection is None:
            return
        if isinstance(command, m.ConnectAgent):
            self._following.connect_agent(connection)
        elif envelope.to.id in connection.attached:
            self._following.heal(connection, envelope.to.id)
