"""Wires the bot's two applications on Ray Serve, apart from the gateway's (decision 0095).

`bots` holds the bot agents, which connect by WebSocket; `bot_model` holds their understanding. A
crash, a hang or an upgrade of either is nothing to the gateway and the actors: they call neither
while a customer waits for a person. What each needs is in a module of its own, so that its process
imports nothing else.
"""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve import RunTarget

from infra.settings import Settings
from serve.bot_door import BOT_APP, MODEL_APP
from serve.bot_model_replica import model_app
from serve.bot_replica import Asking, bot_app
from serve.bot_wiring import BotWiring
from serve.knowledge.encoding import encoder_here
from serve.people import wiring_of_settings


def bot_targets(wiring: BotWiring, url: str, settings: Settings) -> list[RunTarget]:
    """Return the bot's model, and the bots, which connect to the gateway at `url`.

    Raises:
        EncoderError: the settings name an encoder that cannot be used.
    """
    encoder_here()
    model = model_app(wiring, settings.bot_models)
    bots = bot_app(wiring, url, Asking.of(settings))
    return [RunTarget(model, MODEL_APP, None), RunTarget(bots, BOT_APP, None)]


def model_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the bot's model for `serve deploy`."""
    wiring = wiring_of_settings().bots()
    return model_app(wiring, wiring.settings.bot_models)


def bots_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the bots for `serve deploy`."""
    wiring = wiring_of_settings().bots()
    settings = wiring.settings
    return bot_app(wiring, f"ws://127.0.0.1:{settings.port}/ws", Asking.of(settings))
