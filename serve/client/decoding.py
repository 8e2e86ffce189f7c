"""Server -> client bytes to typed frames, one at a time or in an array (`hello.batch`)."""

from __future__ import annotations

import msgspec

from actors.frames import Error, JournalFrame, SoftFrame

ServerFrame = JournalFrame | SoftFrame

_decoder: msgspec.json.Decoder[ServerFrame | list[ServerFrame]] = msgspec.json.Decoder(
    ServerFrame | list[ServerFrame]
)
_one: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_raws: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class _NewError(msgspec.Struct, tag_field="t", tag="error"):
    """An error whose code is newer than this client."""

    code: str
    detail: str = ""
    client_id: str = ""
    session: str = ""
    retry_s: float = 0.0


_new_error: msgspec.json.Decoder[_NewError] = msgspec.json.Decoder(_NewError)


def decode_frames(data: bytes | bytearray | memoryview) -> list[ServerFrame]:
    """Return the frames of one WebSocket message, in order.

    A frame of a kind this client does not know (a newer server's) is left out, and an error with
    an unknown code becomes `internal` with the code in its detail: the rest still counts.

    Raises:
        msgspec.DecodeError: not JSON at all.
    """
    try:
        frames = _decoder.decode(data)
    except msgspec.ValidationError:
        return _decode_newer(bytes(data))
    return frames if isinstance(frames, list) else [frames]


def _decode_newer(data: bytes) -> list[ServerFrame]:
    raws = _raws.decode(data) if data.lstrip()[:1] == b"[" else [msgspec.Raw(data)]
    known = (_decode_or_none(bytes(raw)) for raw in raws)
    return [frame for frame in known if frame is not None]


def _decode_or_none(raw: bytes) -> ServerFrame | None:
    try:
        return _one.decode(raw)
    except msgspec.ValidationError:
        pass
    try:
        new = _new_error.decode(raw)
    except msgspec.ValidationError:
        return None
    return Error(
        code="internal",
        detail=f"{new.code}: {new.detail}",
        client_id=new.client_id,
        session=new.session,
        retry_s=new.retry_s,
    )
