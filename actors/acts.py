"""Acts of supervision, on their way to the audit.

A session commits an act together with what it did (`Record` under `TABLE`), the doors append theirs
to a stream of their own; `infra.acts` carries them to the audit, once each. So an act waits for
nobody, and none is lost with a process. They name people and states, never what was said.
"""

from __future__ import annotations

import msgspec

TABLE = "act"
"""Facts of this table stay in their stream until they are in the audit; none is ever dropped."""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From where somebody acts: the network address, and the OAuth client."""

    address: str = ""
    client: str = ""


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what to which row of a resource, when, and from where. `id` is its own for ever: it
    may arrive twice, and is recorded once."""

    id: str
    at: float
    action: str
    resource: str
    row: str
    actor: str
    role: str
    source: Source = Source()
    before: dict[str, str | list[str]] | None = None
    after: dict[str, str | list[str]] | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Act)


def encode_act(act: Act) -> bytes:
    """Return the act as it travels."""
    return _encoder.encode(act)


def decode_act(data: bytes) -> Act:
    """Return an act that travelled.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _decoder.decode(data)
