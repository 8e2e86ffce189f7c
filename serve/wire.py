"""Client -> server frames: what a device may say. `docs/protocol.md` shows an example of each.

Decoding is the whole validation of shape: unknown keys (forged `from`, `seq`, `at`, `role`, ...),
wrong types and out-of-range values are refused here, before anything else looks at the frame.
The tag is the JSON key `t`. `client_id` is chosen by the client, unique per sender and session.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from actors.permissions import Permission

ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
ShortText = Annotated[str, msgspec.Meta(max_length=500)]
NoteText = Annotated[str, msgspec.Meta(max_length=2000)]
TEXT_LIMIT = 10_000
"""Characters of one text message."""
FRAME_LIMIT = 64 * 1024
"""Bytes of one frame."""


class _Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """Base of all client frames. `permission`: what it asks for."""

    permission: ClassVar[Permission]


class WireBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`kind` text: `text`. image, file: `url` (https, http or a path of this site), `name`, `size`
    in bytes. card: `title`, `text`, `url`, up to 8 `buttons`."""

    kind: Literal["text", "image", "file", "card"]
    text: Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)] = ""
    url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    name: ShortText = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = 0
    title: ShortText = ""
    buttons: Annotated[list[ShortText], msgspec.Meta(max_length=8)] = []


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last seq this device has of each track."""

    seq: Seq = 0
    aside: Seq = 0


class Hello(_Frame, frozen=True, kw_only=True, tag="hello"):
    """First frame of every connection, within 10 s. `token` may instead have travelled in
    `Sec-WebSocket-Protocol: raydesk, <token>`. `cursors`: session -> what the device already has.
    `batch`: the server may send an array of frames in one WebSocket message."""

    permission: ClassVar = Permission("socket", "open")
    token: Annotated[str, msgspec.Meta(max_length=8192)] = ""
    cursors: Annotated[dict[Id, Cursor], msgspec.Meta(max_length=500)] = {}
    batch: bool = False
    device: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Start(_Frame, frozen=True, kw_only=True, tag="start"):
    """A customer asks for help: opens a session, or answers with the current one."""

    permission: ClassVar = Permission("sessions", "start")
    client_id: ClientId
    queue: Annotated[str, msgspec.Meta(max_length=128)] = ""
    subject: ShortText = ""
    needs: Annotated[
        dict[Id, Annotated[int, msgspec.Meta(ge=1, le=5)]], msgspec.Meta(max_length=10)
    ] = {}


class LeftWire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer left for the people of a queue, and why none of them could be had."""

    queue: Id
    reason: Id
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LIMIT)]


class SayFrame(_Frame, frozen=True, kw_only=True, tag="say", omit_defaults=True):
    """`aside`: only staff sees it (whisper, note). `left`, aside and of the serving agent alone:
    the customer left a message, which becomes a ticket."""

    permission: ClassVar = Permission("messages", "send")
    session: Id
    client_id: ClientId
    body: WireBody
    aside: bool = False
    left: LeftWire | None = None


class RecallFrame(_Frame, frozen=True, kw_only=True, tag="recall"):
    permission: ClassVar = Permission("messages", "send")
    session: Id
    client_id: ClientId
    seq: Seq


class ReceiptFrame(_Frame, frozen=True, kw_only=True, tag="receipt"):
    """Cumulative: everything up to these seqs reached this device / was read. Send one for many
    messages rather than one each."""

    permission: ClassVar = Permission("messages", "read")
    session: Id
    delivered: Seq = 0
    read: Seq = 0


class TypingWire(_Frame, frozen=True, kw_only=True, tag="typing"):
    """At most one a second. `preview` (a customer's unsent text) is shown to the agent."""

    permission: ClassVar = Permission("messages", "send")
    session: Id
    preview: NoteText = ""


class End(_Frame, frozen=True, kw_only=True, tag="end"):
    permission: ClassVar = Permission("sessions", "end")
    session: Id
    client_id: ClientId


class RateFrame(_Frame, frozen=True, kw_only=True, tag="rate"):
    permission: ClassVar = Permission("sessions", "rate")
    session: Id
    client_id: ClientId
    score: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: NoteText = ""


class WrapUp(_Frame, frozen=True, kw_only=True, tag="wrap_up"):
    permission: ClassVar = Permission("sessions", "wrap_up")
    session: Id
    client_id: ClientId
    disposition: ShortText = ""
    note: NoteText = ""


class TransferFrame(_Frame, frozen=True, kw_only=True, tag="transfer"):
    """To exactly one of `agent` or `queue`. `stay`: serve on until one of the queue accepts."""

    permission: ClassVar = Permission("sessions", "transfer")
    session: Id
    client_id: ClientId
    agent: Annotated[str, msgspec.Meta(max_length=128)] = ""
    queue: Annotated[str, msgspec.Meta(max_length=128)] = ""
    note: NoteText = ""
    warm: bool = False
    stay: bool = False


class CompleteTransferFrame(_Frame, frozen=True, kw_only=True, tag="complete_transfer"):
    permission: ClassVar = Permission("sessions", "transfer")
    session: Id
    client_id: ClientId


class CancelTransferFrame(_Frame, frozen=True, kw_only=True, tag="cancel_transfer"):
    permission: ClassVar = Permission("sessions", "transfer")
    session: Id
    client_id: ClientId


class Watch(_Frame, frozen=True, kw_only=True, tag="watch"):
    """A leader follows a session unseen; `whisper` by `say` with `aside`."""

    permission: ClassVar = Permission("sessions", "watch")
    session: Id
    client_id: ClientId
    cursor: Cursor = Cursor()


class JoinFrame(_Frame, frozen=True, kw_only=True, tag="join"):
    permission: ClassVar = Permission("sessions", "join")
    session: Id
    client_id: ClientId


class Leave(_Frame, frozen=True, kw_only=True, tag="leave"):
    """Stop watching, or leave a session joined."""

    permission: ClassVar = Permission("sessions", "leave")
    session: Id
    client_id: ClientId


class TakeOverFrame(_Frame, frozen=True, kw_only=True, tag="take_over"):
    permission: ClassVar = Permission("sessions", "take_over")
    session: Id
    client_id: ClientId


class Status(_Frame, frozen=True, kw_only=True, tag="status"):
    permission: ClassVar = Permission("status", "set")
    status: Literal["available", "break", "offline"]
    client_id: ClientId
    reason: ShortText = ""


class Accept(_Frame, frozen=True, kw_only=True, tag="accept"):
    permission: ClassVar = Permission("offers", "answer")
    offer: Id
    client_id: ClientId


class Decline(_Frame, frozen=True, kw_only=True, tag="decline"):
    permission: ClassVar = Permission("offers", "answer")
    offer: Id
    client_id: ClientId


class Suggest(_Frame, frozen=True, kw_only=True, tag="suggest"):
    """A customer is typing this: answered by `suggested`, if there is something to suggest and
    nothing newer was typed."""

    permission: ClassVar = Permission("sessions", "start")
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Used(_Frame, frozen=True, kw_only=True, tag="used"):
    """An agent has sent the suggestion of that topic for the customer's message at `seq`. Not
    answered."""

    permission: ClassVar = Permission("messages", "send")
    session: Id
    seq: Seq
    topic: Id


class Ping(_Frame, frozen=True, kw_only=True, tag="ping"):
    """Answered by `pong`; also keeps proxies from closing an idle connection."""

    permission: ClassVar = Permission("socket", "open")


ClientFrame = (
    Hello
    | Start
    | SayFrame
    | RecallFrame
    | ReceiptFrame
    | TypingWire
    | End
    | RateFrame
    | WrapUp
    | TransferFrame
    | CompleteTransferFrame
    | CancelTransferFrame
    | Watch
    | JoinFrame
    | Leave
    | TakeOverFrame
    | Status
    | Accept
    | Decline
    | Suggest
    | Used
    | Ping
)

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)


def decode_frame(data: bytes | str) -> ClientFrame:
    """Return the frame.

    Raises:
        msgspec.ValidationError: not JSON, unknown `t`, unknown key, wrong type, out of range.
    """
    return _decoder.decode(data)
