"""The way from a host to the assignment models, which run on Ray Serve (decision 0112)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from actors.scoring import ModelUnavailableError, ScoreAnswer, ScoreRequest

APP = "assignment"
DEPLOYMENT = "AssignmentModel"


class ServeScores:
    """Asks the deployment by handle (implements `actors.scoring.ScoreSource`)."""

    def __init__(self) -> None:
        self._handle: Any = None

    async def score(self, request: ScoreRequest) -> ScoreAnswer:
        """See `ScoreSource.score`."""
        try:
            if self._handle is None:
                # In a thread: it asks Serve's controller and waits for the answer.
                self._handle = await asyncio.to_thread(_handle)
            answer: bytes = await self._handle.answer.remote(msgspec.msgpack.encode(request))
            return msgspec.msgpack.decode(answer, type=ScoreAnswer)
        except msgspec.MsgspecError as error:
            raise ModelUnavailableError(f"nonsense: {error}"[:300]) from error
        except Exception as error:  # Ray's, Serve's and the model's own share no base
            raise ModelUnavailableError(f"{type(error).__name__}: {error}"[:300]) from error


def _handle() -> Any:
    """Return a handle of the deployment. Most hosts never ask: they do not load Serve either."""
    from ray import serve  # noqa: PLC0415 - 50 MB that only those who ask need

    return serve.get_deployment_handle(DEPLOYMENT, APP)
