"""The encoder of the settings, for the process that learns beside a gateway."""

from __future__ import annotations

from functools import cache

from bot.encoder import Encoder, open_encoder
from infra.settings import load_settings


@cache
def encoder_here() -> Encoder:
    """Return the encoder that RAYDESK_BOT_ENCODER names in this process; without, the word vectors.

    Raises:
        EncoderError: what it names is no encoder.
    """
    return open_encoder(load_settings().bot_encoder)
