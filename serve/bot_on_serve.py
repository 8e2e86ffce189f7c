"""Wires the bot's two applications on Ray Serve, apart from the gateway's (decision 0095).

`bots` holds the bot agents, which connect by WebSocket; `bot_model` holds their understanding. A
crash, a hang or an upgrade of either is nothing to the gateway and the actors: they call neither
while a customer waits for a person.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import ray
import structlog
from ray import serve
from ray.serve import RunTarget
from ray.serve.handle import DeploymentHandle

from actors.ports import Metrics
from bot.knowledge import Base
from bot.llm import LlmPlace
from bot.llm_guard import Limits
from bot.tokens import warm_up
from infra.settings import Settings
from serve.bot_app import BotApp
from serve.bot_learning import Elsewhere, StoredLearning, learn_when_idle
from serve.bot_line import BotLine
from serve.bot_llm import LlmWriter
from serve.bot_model import BotModel
from serve.bot_ports import Method, ModelError
from serve.bots import BotParts
from serve.doors import AdaptersBuilder
from serve.knowledge.encoding import encoder_here
from serve.oauth.key_following import KeyFollower
from serve.people import wiring_of_settings
from serve.priority import LAST, behind_people, calm_start, idle_thread
from serve.tokens import Tokens

BOT_APP = "bots"
MODEL_APP = "bot_model"
MODEL = "BotModel"
QUEUED_N = 500
"""Questions that one caller may have under way; more fail at once."""
REPORT_S = 1.0

log = structlog.get_logger()


class ServeDoor:
    """The way to the model's deployment, from any process of the cluster."""

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


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the bots ask, and how long they wait: as the options say, picklable."""

    deadline_s: float
    llm: LlmPlace | None = None
    llm_deadline_s: float = 8.0
    llm_limits: Limits = Limits()

    @classmethod
    def of(cls, settings: Settings) -> Asking:
        """Return what the options say."""
        key = settings.llm_key.get_secret_value() if settings.llm_key else ""
        place = LlmPlace(url=settings.llm_url, model=settings.llm_model, key=key)
        return cls(
            deadline_s=settings.bot_deadline_s,
            llm=place if settings.llm_url else None,
            llm_deadline_s=settings.llm_deadline_s,
            llm_limits=Limits(
                answers_per_minute=settings.llm_answers_per_minute,
                characters_per_day=settings.llm_characters_per_day,
            ),
        )

    def writer(self, metrics: Metrics) -> LlmWriter | None:
        """Return who writes answers, if an operator has named a model."""
        if self.llm is None:
            return None
        return LlmWriter(self.llm, metrics, limits=self.llm_limits, deadline_s=self.llm_deadline_s)


class ModelReplica(BotModel):
    """The understanding of every organisation's bots, in a process of its own."""

    def __init__(self, builder: AdaptersBuilder) -> None:
        builder.actors.prepare()
        learning = StoredLearning(builder.objects(), learn_elsewhere(builder), encoder_here())
        super().__init__(learning)
        self._source = builder.knowledge()
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


class BotReplica:
    """All bot agents, beside the gateway."""

    def __init__(self, builder: AdaptersBuilder, url: str, asked: Asking) -> None:
        self._builder = builder
        self._url = url
        self._asked = asked
        self._tasks: list[asyncio.Task[None]] = []

    async def check_health(self) -> None:
        """Start the bots at the first call. Serve restarts the replica when they have ended."""
        if not self._tasks:
            self._start()
        for task in self._tasks:
            if task.done():
                raise RuntimeError(f"{task.get_name()} has ended: {task.exception()!r}")

    async def __call__(self) -> str:
        """Answer whoever asks by handle."""
        return "bots"

    def _start(self) -> None:
        builder = self._builder
        builder.actors.prepare()
        tokens = Tokens(builder.keys, issuer=builder.issuer)
        metrics, outcomes = builder.actors.metrics("bots"), builder.outcomes()
        asked = self._asked
        line = BotLine(ServeDoor(), metrics, deadline_s=asked.deadline_s)
        writer = asked.writer(metrics)
        parts = BotParts(line=line, metrics=metrics, outcomes=outcomes, writer=writer)
        app = BotApp(self._url, tokens, builder.config_source(), parts)
        follower = KeyFollower(tokens, builder.keys, builder.sealed_keys())

        async def report() -> None:
            while True:
                await asyncio.sleep(REPORT_S)
                metrics.flush()

        jobs = {
            "bots": app.run(),
            "bots.keys": follower.run(),
            "bots.outcomes": outcomes.run(),
            "bots.report": report(),
        }
        self._tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
        calm_start.end()


def learn_elsewhere(builder: AdaptersBuilder) -> Elsewhere:
    """Return a way to learn in a process of Ray's."""

    async def learn(base: Base, version: int, key: str) -> bytes:
        job = ray.remote(num_cpus=0, max_retries=2, runtime_env=behind_people(__name__, nice=LAST))(
            _learn
        )
        data: bytes = await job.remote(builder, base, version, key)
        return data

    return learn


def _learn(builder: AdaptersBuilder, base: Base, version: int, key: str) -> bytes:
    builder.actors.prepare()
    return learn_when_idle(builder.objects(), base, version, key)


def model_app(builder: AdaptersBuilder, replicas: int = 1) -> serve.Application:
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
            "runtime_env": behind_people(__name__, calm=True),
        },
    )
    return deployed(ModelReplica).bind(builder)


def bot_app(builder: AdaptersBuilder, url: str, asked: Asking) -> serve.Application:
    """Return the application of the bots."""
    deployed = serve.deployment(
        name="Bots",
        num_replicas=1,
        health_check_period_s=2.0,
        health_check_timeout_s=5.0,
        ray_actor_options={
            "num_cpus": 0,
            "memory": 200 * 1024 * 1024,
            "runtime_env": behind_people(__name__, calm=True),
        },
    )
    return deployed(BotReplica).bind(builder, url, asked)


def bot_targets(builder: AdaptersBuilder, url: str, settings: Settings) -> list[RunTarget]:
    """Return the bot's model, and the bots, which connect to the gateway at `url`.

    Raises:
        EncoderError: the settings name an encoder that cannot be used.
    """
    encoder_here()
    model = model_app(builder, settings.bot_models)
    bots = bot_app(builder, url, Asking.of(settings))
    return [RunTarget(model, MODEL_APP, None), RunTarget(bots, BOT_APP, None)]


def model_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the bot's model for `serve deploy`."""
    wiring = wiring_of_settings()
    return model_app(wiring, wiring.actors.settings.bot_models)


def bots_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the bots for `serve deploy`."""
    wiring = wiring_of_settings()
    settings = wiring.actors.settings
    return bot_app(wiring, f"ws://127.0.0.1:{settings.port}/ws", Asking.of(settings))
