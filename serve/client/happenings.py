"""What a client tells the program that uses it, beside the server's own frames.

ClientError
├── ConnectionRefused    the server will not have this device: do not try again
└── CommandFailed
    ├── CommandRefused   the server (or the client, before sending) said no, with a code
    └── CommandTimedOut  no answer for too long: the outcome is unknown
"""

# ruff: noqa: N818 - named for what happened, as the standard library's `ConnectionRefusedError` is
# not free to be reused.

from __future__ import annotations

from dataclasses import dataclass

from actors.frames import (
    AgentFrame,
    Assist,
    Detached,
    Error,
    ErrorCode,
    Event,
    IdleWarning,
    Message,
    OfferOver,
    OpenOffer,
    Position,
    Receipt,
    SessionFrame,
    Suggested,
    TypingFrame,
    Welcome,
)


@dataclass(frozen=True, slots=True)
class Connected:
    """The door is open (again)."""

    welcome: Welcome
    again: bool
    """True after a reconnect."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; the client tries again in `retry_in_s` unless `final`."""

    reason: str
    retry_in_s: float = 0.0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Frames after `had_seq` and up to `from_seq` will not come: read them from the history page
    before showing what follows."""

    session: str
    had_seq: int
    from_seq: int
    aside_from_seq: int = 0


ClientEvent = (
    Connected
    | Disconnected
    | Reset
    | Message
    | Event
    | Receipt
    | SessionFrame
    | TypingFrame
    | Position
    | IdleWarning
    | OpenOffer
    | OfferOver
    | AgentFrame
    | Assist
    | Suggested
    | Detached
    | Error
)


class ClientError(Exception):
    """Base of all errors of the client."""


class ConnectionRefused(ClientError):
    """The server will not have this device. `code` is one of the protocol's error codes."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class CommandFailed(ClientError):
    """A command has no ack and never will have."""


class CommandRefused(CommandFailed):
    """The command was not done. `code` is stable, `detail` is a sentence."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class CommandTimedOut(CommandFailed):
    """No answer within `give_up_s`, or the client was closed meanwhile: it may have been done."""
