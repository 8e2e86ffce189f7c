"""The process of the bot's model on Ray Serve."""

from __future__ import annotations

import asyncio

import ray
from ray import serve

from bot.knowledge import Base
from bot.tokens import warm_up
from infra.objects import open_objects
from serve.bot_door import MODEL
from serve.bot_learning import Elsewhere, StoredLearning, learn_when_idle
from serve.bot_model import BotModel
from serve.bot_wiring import BotWiring
from serve.knowledge.encoding import encoder_here
from serve.priority import LAST, SETTLED_S, behind_people, calm_start, idle_thread

QUEUED_N = 500
"""Questions that one caller may have under way; more fail at once."""


class ModelReplica(BotModel):
    """The understanding of every organisation's bots, in a process of its own."""

    def __init__(self, wiring: BotWiring) -> None:
        wiring.prepare()
        learning = StoredLearning(
            open_objects(wiring.settings), learn_elsewhere(wiring), encoder_here()
        )
        super().__init__(learning)
        self._source = wiring.knowledge()
        self._following: asyncio.Task[None] | None = None
        with idle_thread("warms up") as thread:
            thread.submit(warm_up).result()

    async def check_health(self) -> None:
        """Follow the knowledge bases from the first call on."""
        if self._following is None:
            self._source.listen(self.changed)
            self._following = asyncio.create_task(self._source.run(), name="bot.knowledge")
        elif self.is_settled:
            calm_start.end()
        if self._following.done():
            raise RuntimeError(f"knowledge is followed no more: {self._following.exception()!r}")


def learn_elsewhere(wiring: BotWiring) -> Elsewhere:
    """Return a way to learn in a process of Ray's."""

    async def learn(base: Base, version: int, key: str) -> bytes:
        job = ray.remote(num_cpus=0, max_retries=2, runtime_env=behind_people(__name__, nice=LAST))(
            _learn
        )
        data: bytes = await job.remote(wiring, base, version, key)
        return data

    return learn


def _learn(wiring: BotWiring, base: Base, version: int, key: str) -> bytes:
    wiring.prepare()
    return learn_when_idle(open_objects(wiring.settings), base, version, key)


def model_app(wiring: BotWiring, replicas: int = 1) -> serve.Application:
    """Return the application of the bot's model."""
    deployed = serve.deployment(
        name=MODEL,
        num_replicas=replicas,
        max_ongoing_requests=QUEUED_N,
        max_queued_requests=QUEUED_N,
        health_check_period_s=1.0,
        health_check_timeout_s=5.0,
        graceful_shutdown_timeout_s=2.0,
        ray_actor_options={
            "num_cpus": 0,
            "memory": 300 * 1024 * 1024,
            "runtime_env": behind_people(__name__, calm_after_s=SETTLED_S),
        },
    )
    return deployed(ModelReplica).bind(wiring)
