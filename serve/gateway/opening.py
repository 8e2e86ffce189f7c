"""The first frame of a socket: who is at the door, from which page, and is there room."""

from __future__ import annotations

import msgspec

from actors.addresses import Conn
from actors.config import OrgConfig
from actors.frames import ErrorCode
from actors.permissions import needs_account, rights_of
from serve.gateway.connection import Connection, Sink
from serve.gateway.cursors import Cursors
from serve.gateway.decoding import Bad, decode_message
from serve.gateway.table import Table
from serve.gateway.world import World
from serve.identity import BadTokenError, Identity
from serve.wire import Hello

CLOSE_CODES: dict[str, int] = {
    "bad_token": 4401,
    "forbidden": 4403,
    "duplicate_login": 4409,
    "overloaded": 1013,
    "internal": 1011,
}
"""Close code by the error sent before it; any other error closes with 1008."""


class Peer(msgspec.Struct, frozen=True):
    """What the handshake said. `origin` is None for a client that is no browser."""

    origin: str | None = None
    token: str = ""
    ip: str = ""


class DoorClosedError(Exception):
    """The socket may not come in. Becomes an error frame and a close code."""

    def __init__(self, code: ErrorCode, detail: str, retry_s: float = 0.0) -> None:
        super().__init__(detail)
        self.code: ErrorCode = code
        self.detail = detail
        self.retry_s = retry_s

    @property
    def close_code(self) -> int:
        """The WebSocket close code that follows the error frame."""
        return CLOSE_CODES.get(self.code, 1008)


def read_hello(message: str | bytes, world: World) -> Hello:
    """Return the hello of a socket's first message.

    Raises:
        DoorClosedError: it is anything else.
    """
    frames = decode_message(message, world.limits)
    first = frames[0] if len(frames) == 1 else Bad("bad_frame", "Say hello alone, then the rest.")
    if isinstance(first, Bad):
        raise DoorClosedError(first.code, first.detail)
    if not isinstance(first, Hello):
        raise DoorClosedError("bad_token", "Say hello with a token first.")
    return first


async def admit(
    hello: Hello, peer: Peer, sink: Sink, *, world: World, table: Table, number: int
) -> Connection:
    """Return a new connection for whoever said hello; it is not yet in the table.

    Raises:
        DoorClosedError: bad token, page not allowed, account disabled, or no room.
    """
    token = hello.token or peer.token
    if not token:
        raise DoorClosedError("bad_token", "hello needs a token: get one from the HTTP API.")
    try:
        identity = world.verifier.verify(token, world.wall())
    except BadTokenError as error:
        raise DoorClosedError("bad_token", str(error)) from None
    config = await world.configs.get(identity.org)
    if config is None:
        raise DoorClosedError("bad_token", "The token's organisation does not exist.")
    identity = as_configured(identity, config)
    rights = rights_of(config, identity.role, identity.subject)
    if not rights.may(Hello.permission):
        raise DoorClosedError("forbidden", "Your role opens no socket: use the HTTP API.")
    check_origin(peer, identity, config, world.origins)
    connection = Connection(
        conn=Conn(world.name, number),
        identity=identity,
        rights=rights,
        sink=sink,
        limits=world.limits,
        cursors=Cursors(hello.cursors),
        now=world.clock(),
        batch=hello.batch,
        device=hello.device,
        ip=peer.ip,
    )
    check_room(connection, table)
    return connection


def as_configured(identity: Identity, config: OrgConfig) -> Identity:
    """Return the identity with the role and name that hold now: settings are newer than a token.

    Raises:
        DoorClosedError: the agent is disabled or gone.
    """
    if identity.role == "customer":
        return identity
    agent = config.agents.get(identity.subject)
    if agent is None:
        if needs_account(identity.role):
            raise DoorClosedError("bad_token", "This agent does not exist: ask your administrator.")
        return identity
    if not agent.enabled:
        raise DoorClosedError("bad_token", "This account is disabled: ask your administrator.")
    return msgspec.structs.replace(identity, role=agent.role, name=agent.name, kind=agent.kind)


def check_origin(peer: Peer, identity: Identity, config: OrgConfig, own: frozenset[str]) -> None:
    """Refuse a web page that is neither ours nor, for customers, one of the organisation's.

    Raises:
        DoorClosedError: the Origin is on no list.
    """
    if peer.origin is None or peer.origin in own:
        return
    if identity.role == "customer" and peer.origin in config.origins:
        return
    detail = f"Pages of {peer.origin[:200]} may not connect: add the origin to the settings."
    raise DoorClosedError("forbidden", detail)


def check_room(connection: Connection, table: Table) -> None:
    """Refuse one socket too many.

    Raises:
        DoorClosedError: the replica is full, or the person has too many sockets.
    """
    limits = connection.limits
    if len(table) >= limits.connections:
        raise DoorClosedError("overloaded", "This server is full: try again.", 5.0)
    customer = connection.identity.role == "customer"
    most = limits.customer_connections if customer else limits.agent_connections
    mates = [
        mate
        for mate in table.of_person(connection)
        if not (connection.device and mate.device == connection.device)
    ]
    if len(mates) >= most:
        detail = f"More than {most} open connections of one person: close some."
        raise DoorClosedError("overloaded", detail, 30.0)
