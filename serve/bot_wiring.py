"""What the bot's processes need of the world, and no more: what is imported for them is CPU that a
restart takes from people (`benchmarks/bot_isolation.py`)."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from redis.asyncio import Redis

from actors.ports import Metrics
from infra.configs import RedisConfigs
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.stream import OutcomeStream
from infra.logs import configure_logs
from infra.metrics import PlainMetrics, RayMetrics
from infra.oauth_store import RedisSealedKeys
from infra.redis_client import connect
from infra.settings import Settings
from serve.knowledge.sink import StreamSink
from serve.knowledge.store import KnowledgeStore
from serve.signing_keys import Jwk


class BotWiring:
    """Adapters on Redis, for the processes of the bots and of their model; picklable.

    Args:
        keys: the signing keys; the first signs.
        issuer: of our tokens.
        in_ray: False counts metrics in memory only.
    """

    def __init__(
        self,
        settings: Settings,
        redis_url: str,
        *,
        keys: Sequence[Jwk],
        issuer: str,
        in_ray: bool = True,
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.issuer = issuer
        self._redis_url = redis_url
        self._in_ray = in_ray

    def prepare(self) -> None:
        """Set up logging and, as for actors, the garbage collector in this process."""
        configure_logs(self.settings)
        gc.set_threshold(50_000, 50, 100)

    def metrics(self, actor: str) -> Metrics:
        """Return this process's metrics, tagged with the actor's name."""
        return RayMetrics(actor) if self._in_ray else PlainMetrics()

    def sealed_keys(self) -> RedisSealedKeys:
        """Return where rotations of the signing keys are announced."""
        return RedisSealedKeys(self._redis())

    def config_source(self) -> RedisConfigs:
        """Return a source of every organisation's settings."""
        return RedisConfigs(self._redis(), check_s=self.settings.config_check_s)

    def knowledge(self) -> KnowledgeStore:
        """Return what is live of every knowledge base; it must be run."""
        return KnowledgeStore(RedisKnowledge(self._redis(), check_s=self.settings.config_check_s))

    def outcomes(self) -> StreamSink:
        """Return where to tell what became of questions; it must be run."""
        return StreamSink(OutcomeStream(self._redis()))

    def _redis(self) -> Redis:
        return connect(self._redis_url, max_connections=self.settings.redis_connections)
