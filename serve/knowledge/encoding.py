"""The operator's encoder, for the process that learns beside a gateway."""

from __future__ import annotations

from functools import cache

from bot.encoder import Encoder, open_encoder
from infra.settings import load_settings


@cache
def encoder_here() -> Encoder | None:
    """Return the encoder that RAYDESK_BOT_ENCODER names in this process; None: it names none.

    Raises:
        EncoderError: what it names is no encoder.
    """
    folder = load_settings().bot_encoder
    return None if folder is None else open_encoder(folder)
