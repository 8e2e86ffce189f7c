"""What the bot's processes need of the world, and no more: what is imported for them is CPU that a
restart takes from people (`benchmarks/bot_isolation.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from infra.configs import RedisConfigs
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.stream import OutcomeStream
from infra.oauth_store import RedisSealedKeys
from infra.process import Process
from infra.settings import Settings
from serve.knowledge.sink import StreamSink
from serve.knowledge.store import KnowledgeStore
from serve.signing_keys import Jwk


class BotWiring(Process):
    """Adapters on Redis, for the processes of the bots and of their model; picklable.

    Args:
        keys: the signing keys; the first signs.
        issuer: of our tokens.
        settings, redis_url, in_ray: as of a `Process`.
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
        super().__init__(settings, redis_url, in_ray=in_ray)
        self.keys = keys
        self.issuer = issuer

    def sealed_keys(self) -> RedisSealedKeys:
        """Return where rotations of the signing keys are announced."""
        return RedisSealedKeys(self.redis())

    def config_source(self) -> RedisConfigs:
        """Return a source of every organisation's settings."""
        return RedisConfigs(self.redis(), check_s=self.settings.config_check_s)

    def knowledge(self) -> KnowledgeStore:
        """Return what is live of every knowledge base; it must be run."""
        return KnowledgeStore(RedisKnowledge(self.redis(), check_s=self.settings.config_check_s))

    def outcomes(self) -> StreamSink:
        """Return where to tell what became of questions; it must be run."""
        return StreamSink(OutcomeStream(self.redis()))
