"""An actor system on a real Valkey for tests: any machine, any placement, no Ray."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from actors.addresses import Address
from actors.config import OrgConfig, QueueConfig
from actors.host import HostParts
from actors.keeper import Timings
from actors.machine import Machine
from actors.messages import Envelope
from actors.placement import Placement, Scope
from actors.ports import Delivery
from infra.configs import RedisConfigs
from infra.customers import RedisCustomers
from infra.ids import WorkerLease
from infra.journal import RedisJournal
from infra.journal.registry import RedisRegistry
from infra.redis_client import connect

WITHIN_S = 60.0


class Tally:
    """Metrics that a test can read."""

    def __init__(self) -> None:
        self.counts: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.gauges: dict[tuple[str, str], float] = {}

    def add(self, name: str, value: float = 1.0, label: str = "", org: str = "") -> None:
        self.counts[name, label] += value

    def set(self, name: str, value: float, label: str = "", org: str = "") -> None:
        self.gauges[name, label] = value

    def flush(self) -> None:
        pass


class TestBuilder:
    """A Builder with the machine, clock and placement that a test wants."""

    __test__ = False

    def __init__(
        self,
        url: str,
        make: Callable[[Address, OrgConfig], Machine],
        placement: Placement,
        *,
        clock: Callable[[], float] = time.time,
        timings: Timings | None = None,
        inbox_limit: int = 20_000,
        cluster: bool = False,
    ) -> None:
        self.url = url
        self.placement = placement
        self.timings = timings or Timings(ping_s=0.1, suspect_s=10.0)
        self.tally = Tally()
        self._clients: list[Redis] = []
        self._make = make
        self._clock = clock
        self._inbox_limit = inbox_limit
        self._cluster = cluster

    def prepare(self) -> None:
        pass

    def metrics(self, actor: str) -> Tally:
        return self.tally

    async def registry(self) -> RedisRegistry:
        self._clients.append(connect(self.url))
        return RedisRegistry(self._clients[-1])

    def __getstate__(self) -> dict[str, object]:
        """On its way to another process: without this one's connections."""
        return {**self.__dict__, "_clients": []}

    async def close(self) -> None:
        """Release the keeper's connections; hosts release their own."""
        for client in self._clients:
            await client.aclose()

    async def parts(self, scope: Scope, name: str, epoch: int) -> HostParts:
        redis: Redis = connect(self.url)
        lease = WorkerLease(redis)
        await lease.acquire()

        async def close() -> None:
            await redis.aclose()

        return HostParts(
            name=name,
            scope=scope,
            epoch=epoch,
            make=self._make,
            journal=RedisJournal(redis, scope, epoch, cluster=self._cluster, outbox_cap=10_000),
            configs=RedisConfigs(redis, check_s=0.2),
            customers=RedisCustomers(redis),
            metrics=self.tally,
            ready=lease.ready,
            new_id=lease.next,
            random=random.Random(epoch).random,
            close=close,
            clock=self._clock,
            inbox_limit=self._inbox_limit,
        )


class Inlet:
    """A gateway for tests: keeps what it receives (implements `actors.ports.Receiver`)."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.refusals: list[tuple[Envelope, str]] = []
        self.rehosts: list[str] = []

    def deliver(self, batch: list[Delivery]) -> None:
        self.deliveries.extend(batch)

    def refused(self, envelope: Envelope, code: str, retry_s: float) -> None:
        self.refusals.append((envelope, code))

    def rehosted(self, host: str) -> None:
        self.rehosts.append(host)

    def seqs(self, number: int, session: str) -> list[int]:
        """The journal seqs that a socket received of a session, in order."""
        return [
            d.seq for d in self.deliveries if number in d.numbers and d.session == session and d.seq
        ]


def demo_config(org: str = "acme", version: int = 1) -> OrgConfig:
    """The smallest organisation."""
    queues = {"main": QueueConfig(id="main", name="Main")}
    return OrgConfig(org=org, version=version, entry_queue="main", queues=queues, agents={})


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], within_s: float = WITHIN_S
) -> None:
    """Wait for a condition; fail loudly when it does not come."""
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within_s:.0f} s: {condition}")
        await asyncio.sleep(0.01)
