"""What a device may ask for, and the check that the server will be able to read it."""

from __future__ import annotations

import msgspec

from serve import wire
from serve.client.happenings import CommandRefused

Command = (
    wire.Start
    | wire.SayFrame
    | wire.RecallFrame
    | wire.End
    | wire.RateFrame
    | wire.WrapUp
    | wire.TransferFrame
    | wire.CompleteTransferFrame
    | wire.CancelTransferFrame
    | wire.Watch
    | wire.JoinFrame
    | wire.Leave
    | wire.TakeOverFrame
    | wire.Status
    | wire.Accept
    | wire.Decline
)

_encode = msgspec.json.Encoder().encode


def encode_command(command: Command) -> bytes:
    """Return the command's wire form.

    A frame that the server cannot read would be answered without its `client_id`, and be sent for
    ever: so it is refused here.

    Raises:
        CommandRefused: `too_large` or `bad_frame`.
    """
    data = _encode(command)
    if len(data) > wire.FRAME_LIMIT:
        raise CommandRefused("too_large", f"A frame holds {wire.FRAME_LIMIT} bytes.")
    try:
        wire.decode_frame(data)
    except msgspec.ValidationError as error:
        raise CommandRefused("bad_frame", str(error)) from error
    return data
