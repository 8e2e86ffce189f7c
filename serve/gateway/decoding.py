"""Bytes from a socket -> wire frames, or the error that answers each bad one."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.frames import ErrorCode
from serve.gateway.limits import Limits
from serve.wire import TEXT_LIMIT, ClientFrame, decode_frame

TAGS = frozenset(str(kind.__struct_config__.tag) for kind in ClientFrame.__args__)


class Bad(msgspec.Struct, frozen=True):
    """A frame that could not be taken, and what to answer."""

    code: ErrorCode
    detail: str
    client_id: str = ""
    session: str = ""


class _Glimpse(msgspec.Struct):
    """What can be saved of a bad frame, whatever its types."""

    t: Any = None
    client_id: Any = ""
    session: Any = ""
    body: Any = None


_batch = msgspec.json.Decoder(list[msgspec.Raw])
_glimpse = msgspec.json.Decoder(_Glimpse)


def decode_message(message: str | bytes, limits: Limits) -> list[ClientFrame | Bad]:
    """Return the frames of one WebSocket message, each bad one replaced by its error.

    A message is one frame or a JSON array of frames; a bad frame in an array harms no other.
    """
    size = _size(message, limits.frame_bytes)
    if not _is_array(message):
        return [_decode_one(message, size, limits)]
    if size > limits.message_bytes:
        return [_too_large(limits.message_bytes, "message")]
    try:
        parts = _batch.decode(message)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return [Bad("bad_frame", "Not JSON: send one JSON object, or an array of them.")]
    if len(parts) > limits.message_frames:
        return [Bad("too_large", f"More than {limits.message_frames} frames in one message.")]
    return [_decode_one(bytes(part), len(part), limits) for part in parts]


def _size(message: str | bytes, near: int) -> int:
    """The message's size in UTF-8 bytes (an upper bound while that is far below the limit)."""
    if isinstance(message, bytes) or len(message) * 4 <= near:
        return len(message)
    return len(message.encode("utf-8", "surrogatepass"))


def _is_array(message: str | bytes) -> bool:
    first = message[:1]
    if first in ("{", b"{"):
        return False
    return message[:64].lstrip()[:1] in ("[", b"[")


def _decode_one(data: str | bytes, size: int, limits: Limits) -> ClientFrame | Bad:
    if size > limits.frame_bytes:
        return _too_large(limits.frame_bytes, "frame")
    try:
        return decode_frame(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return _explain(data, str(error))


def _too_large(limit: int, what: str) -> Bad:
    return Bad("too_large", f"The {what} is over {limit} bytes: send less, or a file's link.")


def _explain(data: str | bytes, reason: str) -> Bad:
    try:
        seen = _glimpse.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Bad("bad_frame", "Not a JSON object with a key `t`: see docs/protocol.md.")
    client_id = seen.client_id if _is_id(seen.client_id, 64) else ""
    session = seen.session if _is_id(seen.session, 128) else ""
    if not isinstance(seen.t, str):
        return Bad("bad_frame", "The key `t` (a text) names the frame.", client_id, session)
    if seen.t not in TAGS:
        known = ", ".join(sorted(TAGS))
        return Bad("unknown_frame", f"`t` must be one of: {known}.", client_id, session)
    text = seen.body.get("text") if isinstance(seen.body, dict) else None
    if isinstance(text, str) and len(text) > TEXT_LIMIT:
        detail = f"body.text is over {TEXT_LIMIT} characters: split it or send a file."
        return Bad("too_large", detail, client_id, session)
    return Bad("bad_frame", f"{seen.t}: {reason}.", client_id, session)


def _is_id(value: Any, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most
