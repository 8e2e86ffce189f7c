"""What travels between processes, in batches, and how it is encoded (MessagePack)."""

from __future__ import annotations

import msgspec

from actors.messages import Envelope
from actors.ports import Delivery


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """A gateway's commands for one host.

    `attach` counts the gateway's attachments to the host: a larger one than the host knows starts
    all numbering at 1 again. `number` is 1, 2, 3 ... per attachment: batches may overtake each
    other on the way, but are taken in this order.
    """

    gateway: str
    attach: int
    number: int
    envelopes: list[Envelope]


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """The command at `index` of the batch was not taken."""

    index: int
    code: str
    retry_s: float


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Frames for a gateway's sockets, as the answer to a batch or as an item of its stream.

    `number` is 1, 2, 3 ... over both ways for one attachment, 0 when there are no deliveries:
    the gateway handles them in that order.
    """

    number: int
    deliveries: list[Delivery]
    refusals: list[Refusal] = []


encode = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(Batch).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode
decode_envelope = msgspec.msgpack.Decoder(Envelope).decode
decode_envelopes = msgspec.msgpack.Decoder(list[Envelope]).decode
decode_summaries = msgspec.msgpack.Decoder(list[dict[str, object]]).decode
