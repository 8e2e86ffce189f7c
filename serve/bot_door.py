"""The way to the bot's model on Ray Serve, from any process of the cluster."""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from serve.bot_ports import Method, ModelError

BOT_APP = "bots"
MODEL_APP = "bot_model"
MODEL = "BotModel"


class ServeDoor:
    """Calls the model's deployment."""

    def __init__(self) -> None:
        self._handle: DeploymentHandle[Any] | None = None

    async def __call__(self, method: Method, request: bytes) -> bytes:
        """Implements `serve.bot_ports.ModelDoor`. Whether the model is there is not looked up: that
        would make everybody here wait."""
        try:
            if self._handle is None:
                self._handle = serve.get_deployment_handle(MODEL, MODEL_APP, _check_exists=False)
            answer: bytes = await getattr(self._handle, method).remote(request)
        except Exception as error:
            raise ModelError(f"{type(error).__name__}: {error}"[:300]) from error
        return answer
