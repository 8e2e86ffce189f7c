"""The process of the bots on Ray Serve."""

from __future__ import annotations

import asyncio

import msgspec
from ray import serve

from actors.ports import Metrics
from bot.llm_guard import Limits
from bot.llm_place import LlmPlace
from infra.settings import Settings
from serve.bot_app import BotApp
from serve.bot_door import ServeDoor
from serve.bot_line import BotLine
from serve.bot_wiring import BotWiring
from serve.bot_writer import Writer
from serve.bots import BotParts
from serve.oauth.key_following import KeyFollower
from serve.priority import SETTLED_S, behind_people, calm_start
from serve.tokens import Tokens

REPORT_S = 1.0


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

    def writer(self, metrics: Metrics) -> Writer | None:
        """Return who writes answers, if an operator has named a model."""
        if self.llm is None:
            return None
        from serve.bot_llm import LlmWriter  # noqa: PLC0415  # most systems have none

        return LlmWriter(self.llm, metrics, limits=self.llm_limits, deadline_s=self.llm_deadline_s)


class BotReplica:
    """All bot agents, beside the gateway."""

    def __init__(self, wiring: BotWiring, url: str, asked: Asking) -> None:
        self._wiring = wiring
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
        wiring = self._wiring
        wiring.prepare()
        tokens = Tokens(wiring.keys, issuer=wiring.issuer)
        metrics, outcomes = wiring.metrics("bots"), wiring.outcomes()
        asked = self._asked
        line = BotLine(ServeDoor(), metrics, deadline_s=asked.deadline_s)
        writer = asked.writer(metrics)
        parts = BotParts(line=line, metrics=metrics, outcomes=outcomes, writer=writer)
        app = BotApp(self._url, tokens, wiring.config_source(), parts)
        follower = KeyFollower(tokens, wiring.keys, wiring.sealed_keys())

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


def bot_app(wiring: BotWiring, url: str, asked: Asking) -> serve.Application:
    """Return the application of the bots."""
    deployed = serve.deployment(
        name="Bots",
        num_replicas=1,
        health_check_period_s=2.0,
        health_check_timeout_s=5.0,
        ray_actor_options={
            "num_cpus": 0,
            "memory": 200 * 1024 * 1024,
            "runtime_env": behind_people(__name__, calm_after_s=SETTLED_S),
        },
    )
    return deployed(BotReplica).bind(wiring, url, asked)
