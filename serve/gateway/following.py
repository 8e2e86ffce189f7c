"""Which sessions' frames come to a socket: attaching, following the agent's snapshot, resuming."""

from __future__ import annotations

import msgspec

from actors import messages as m
from actors.addresses import Address
from actors.frames import AgentFrame, Detached, Error, encode_frame
from actors.messages import Envelope
from actors.ports import Fabric
from serve.gateway.connection import Connection
from serve.gateway.mapping import session_address
from serve.wire import Cursor

RESUME_N = 20
"""Ended sessions that one `hello` may resume."""


class Snapshot(msgspec.Struct, frozen=True):
    """The part of a `session` frame that the gateway reads."""

    session: str
    state: str = ""
    seq: int = 0
    aside_seq: int = 0
    from_seq: int = 0
    aside_from_seq: int = 0


_snapshot = msgspec.json.Decoder(Snapshot)
_agent = msgspec.json.Decoder(AgentFrame)
_detached = msgspec.json.Decoder(Detached)
_error = msgspec.json.Decoder(Error)


def read_snapshot(data: bytes) -> Snapshot:
    """Return what a `session` frame says of seqs."""
    return _snapshot.decode(data)


def read_error(data: bytes) -> Error:
    """Return an `error` frame."""
    return _error.decode(data)


class Following:
    """Attaches sockets to sessions and agents through the fabric."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric

    def attach(self, connection: Connection, session: str, *, watch: bool = False) -> bool:
        """Ask for the session's frames from the socket's cursor on; False: no such id.

        May be repeated: the session answers with its snapshot again, and what the socket already
        has is dropped here.
        """
        to = session_address(connection.identity.org, session)
        if to is None:
            return False
        cursor = connection.cursors.of(session)
        connection.attached[session] = watch
        command = m.Attach(
            conn=connection.conn,
            person=connection.person,
            after=cursor.seq,
            aside_after=cursor.aside,
            watch=watch,
            source=connection.source if watch else None,
        )
        self._fabric.send(Envelope(to, command))
        return True

    def connect_agent(self, connection: Connection) -> None:
        """Tell the agent's actor of this device; the `agent` frame comes back."""
        identity = connection.identity
        connection.address = Address("agent", identity.org, identity.subject)
        status = "available" if identity.kind == "bot" else ""
        command = m.ConnectAgent(
            conn=connection.conn,
            person=connection.person,
            status=status,
            device=connection.device,
        )
        self._fabric.send(Envelope(connection.address, command))

    def leave_all(self, connection: Connection) -> None:
        """The socket is gone: tell every actor that sends to it."""
        for session in connection.attached:
            to = Address("session", connection.identity.org, session)
            self._fabric.send(Envelope(to, m.Detach(conn=connection.conn)))
        connection.attached.clear()
        if connection.address is not None:
            command = m.DisconnectAgent(conn=connection.conn)
            self._fabric.send(Envelope(connection.address, command))

    def resume_customer(self, connection: Connection, current: str) -> list[str]:
        """Attach the current session and those the device has cursors of; return them."""
        resumed = [current] if current else []
        latest = connection.cursors.sessions()[-RESUME_N:]
        resumed += [session for session in latest if session != current]
        return [session for session in resumed if self.attach(connection, session)]

    def follow(self, connection: Connection, data: bytes) -> None:
        """An `agent` snapshot: attach what it lists and this socket does not follow yet.

        Sessions it no longer lists are left alone: the session itself says `detached` after its
        last frame. What a device has a cursor of and nobody lists was lost while it was away: of
        the latest ones the session itself shows the end to whoever may see it.
        """
        frame = _agent.decode(data)
        connection.wanted = frozenset(frame.sessions) | frozenset(frame.consults)
        for session in (*frame.sessions, *frame.consults):
            if session not in connection.attached:
                self.attach(connection, session)
        if not connection.followed:
            connection.followed = True
            self._ask_of_lost(connection)

    def _ask_of_lost(self, connection: Connection) -> None:
        """Whoever leads is told at once: they watch by a command of their own when they are back,
        and the refusal of what we asked would be taken for its answer."""
        known = connection.cursors.sessions()
        lost = [session for session in known if session not in connection.attached]
        asked = lost[-RESUME_N:] if connection.source is None else []
        for session in lost:
            if session not in asked or not self.attach(connection, session):
                self.not_yours(connection, session)

    def not_yours(self, connection: Connection, session: str) -> None:
        """Tell a device that it gets no more of a session that it knows."""
        connection.push(encode_frame(Detached(session=session, reason="not_yours")))

    def detached(self, connection: Connection, data: bytes) -> None:
        """The session let go of this socket; if the agent has it again by now, attach again.
        What is closed stays closed, whatever an older snapshot of the agent lists."""
        frame = _detached.decode(data)
        connection.attached.pop(frame.session, None)
        if frame.session in connection.wanted and frame.reason != "closed":
            self.attach(connection, frame.session)

    def heal(self, connection: Connection, session: str) -> None:
        """A frame is missing: ask again from the cursor."""
        self.attach(connection, session, watch=connection.attached.get(session, False))

    def snapshot(self, connection: Connection, seen: Snapshot) -> None:
        """Move the cursors to what a `session` frame says of its beginning and end."""
        last = Cursor(seen.seq, seen.aside_seq)
        first = Cursor(seen.from_seq, seen.aside_from_seq)
        connection.cursors.snapshot(seen.session, last, first)

    def rehosted(self, connection: Connection, host: str) -> None:
        """Tell a new host of everything this socket has on it."""
        host_of = self._fabric.host_of
        if connection.address is not None and host_of(connection.address) == host:
            self.connect_agent(connection)
        for session, watch in list(connection.attached.items()):
            if host_of(Address("session", connection.identity.org, session)) == host:
                self.attach(connection, session, watch=watch)
