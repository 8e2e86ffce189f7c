"""The assignment models as a process of their own: scores the candidates of a round in one batch.

Which model answers is a file in the object store (`policies.learned.registry`): one named like the
organisation, else `assignment`. It is looked at every few seconds; a model that was promoted is
loaded beside the answering, tried once, and swapped in whole. One that cannot be used is refused,
and the old one goes on. Soft state only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog

from actors.ports import Objects
from actors.scoring import ModelUnavailableError, ScoreAnswer, ScoreRequest
from policies.learned.model import Model, ModelError, decode
from policies.learned.registry import model_key, pointer_key, promoted_in
from policies.learned.scoring import scored
from policies.view import AgentView, ContactView, Demand

DEFAULT = "assignment"
CHECK_S = 2.0
POINTER = "/promoted.json"
NAMES_N = 1000

log = structlog.get_logger()


class AssignmentModels:
    """Scores for every organisation.

    Args:
        objects: where models are kept.
        clock: seconds since 1970.
    """

    def __init__(self, objects: Objects, clock: Callable[[], float] = time.time) -> None:
        self._objects, self._clock = objects, clock
        self._live: dict[str, Model] = {}
        self._refused: dict[str, str] = {}
        """Name -> version that could not be used: not tried again."""

    def versions(self) -> dict[str, str]:
        """Return which version of each name answers now."""
        return {name: model.card.version for name, model in self._live.items()}

    def score(self, request: ScoreRequest) -> ScoreAnswer:
        """Return the scores of every question, predicted in one batch.

        Raises:
            ModelUnavailableError: no model is promoted.
        """
        model = self._live.get(request.org) or self._live.get(DEFAULT)
        if model is None:
            raise ModelUnavailableError(f"no model is promoted for {request.org}")
        asked = [(question.contact, question.agents) for question in request.questions]
        found = model.predict_many(asked, request.now)
        return ScoreAnswer(
            scores={
                contact.id: scored(model, agents, predictions)
                for (contact, agents), predictions in zip(asked, found, strict=True)
            }
        )

    async def answer(self, data: bytes) -> bytes:
        """Return the encoded answer to an encoded request.

        Raises:
            ModelUnavailableError: see `score`.
        """
        request = msgspec.msgpack.decode(data, type=ScoreRequest)
        return msgspec.msgpack.encode(self.score(request))

    async def run(self) -> None:
        """Follow what is promoted, until cancelled. A store that is away leaves models as they
        are."""
        while True:
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - whatever the store does, answering goes on
                log.warning("models.unreachable", error=str(error)[:200])
            await asyncio.sleep(CHECK_S)

    async def refresh(self) -> None:
        """Load what is promoted and not live yet."""
        keys = await self._objects.keys("models/", limit=NAMES_N)
        for key in keys:
            if key.endswith(POINTER):
                await self._follow(key.removeprefix("models/").removesuffix(POINTER))

    async def _follow(self, name: str) -> None:
        try:
            promoted = promoted_in(await self._objects.get(pointer_key(name)))
            if promoted is None or self._knows(name, promoted.version):
                return
            key = model_key(name, promoted.version)
        except ModelError as error:
            log.warning("model.refused", model=name, reason=str(error)[:300])
            return
        try:
            data = await self._objects.get(key)
            model = await asyncio.to_thread(tried, data, key, self._clock())
        except ModelError as error:
            self._refused[name] = promoted.version
            log.warning("model.refused", model=name, reason=str(error)[:300])
            return
        self._live[name] = model
        log.info("model.live", model=name, version=model.card.version)

    def _knows(self, name: str, version: str) -> bool:
        live = self._live.get(name)
        return self._refused.get(name) == version or (
            live is not None and live.card.version == version
        )


def tried(data: bytes | None, source: str, now: float) -> Model:
    """Return the model in a file after one prediction, so that its first question is no slower.

    Raises:
        ModelError: it cannot be used.
    """
    if data is None:
        raise ModelError(f"{source}: there is no such file")
    model = decode(data, source)
    contact = ContactView(id="0", demand=Demand(queue=""), arrived_at=now, virtual_at=now)
    model.predict(contact, [AgentView(id="0")], now)
    return model
