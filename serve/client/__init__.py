"""The Python client of both sides: `CustomerClient` and `AgentClient`.

Needs only `websockets`, `msgspec` and the wire's types. It reconnects by itself, resumes where it
was, hides repeats, and sends a command until it is answered; `docs/protocol.md` is what it speaks.
"""

from serve.client.agent import AgentClient
from serve.client.backoff import Backoff
from serve.client.customer import CustomerClient
from serve.client.device import TokenSource
from serve.client.happenings import (
    ClientError,
    ClientEvent,
    CommandFailed,
    CommandRefused,
    CommandTimedOut,
    Connected,
    ConnectionRefused,
    Disconnected,
    Reset,
)
from serve.client.options import Counts, Options

__all__ = [
    "AgentClient",
    "Backoff",
    "ClientError",
    "ClientEvent",
    "CommandFailed",
    "CommandRefused",
    "CommandTimedOut",
    "Connected",
    "ConnectionRefused",
    "Counts",
    "CustomerClient",
    "Disconnected",
    "Options",
    "Reset",
    "TokenSource",
]
