"""What every process of ours makes of the settings: its logs, the way to the store, its metrics."""

from __future__ import annotations

import gc

from redis.asyncio import Redis

from actors.ports import Metrics
from infra.logs import configure_logs
from infra.metrics import PlainMetrics, RayMetrics
from infra.redis_client import connect
from infra.settings import Settings


class Process:
    """Picklable, and light to import: a bot's process imports it while people talk.

    Args:
        settings: the options.
        redis_url: the store, also when it is the private one.
        in_ray: False counts metrics in memory only.
    """

    def __init__(self, settings: Settings, redis_url: str, *, in_ray: bool = True) -> None:
        self.settings = settings
        self.redis_url = redis_url
        self.in_ray = in_ray

    def prepare(self) -> None:
        """Set up logging and the garbage collector in this process."""
        configure_logs(self.settings)
        # Entities live long and hold no cycles: the default thresholds would walk all of them
        # every few hundred messages (benchmarks/session_machine.py).
        gc.set_threshold(50_000, 50, 100)

    def redis(self) -> Redis:
        """Return a new client."""
        return connect(self.redis_url, max_connections=self.settings.redis_connections)

    def metrics(self, actor: str) -> Metrics:
        """Return this process's metrics, tagged with the actor's name."""
        return RayMetrics(actor) if self.in_ray else PlainMetrics()
