"""The production adapters, put together for every process that hosts actors."""

from __future__ import annotations

import asyncio
import random

from actors.addresses import KINDS
from actors.dispatch.chronicle import use_budget
from actors.dispatch.guarded import use_folder
from actors.host import HostParts
from actors.keeper import Timings
from actors.kinds import make
from actors.placement import Placement, Scope
from infra.configs import RedisConfigs
from infra.customers import RedisCustomers
from infra.ids import WorkerLease
from infra.journal import RedisJournal
from infra.journal.registry import RedisRegistry
from infra.process import Process
from infra.settings import Settings


class Wiring(Process):
    """Adapters on Redis (implements `actors.building.Builder`); picklable."""

    def __init__(self, settings: Settings, redis_url: str, *, in_ray: bool = True) -> None:
        super().__init__(settings, redis_url, in_ray=in_ray)
        self.placement = Placement(**{kind: settings.placement(kind) for kind in KINDS})
        self.timings = Timings(
            ping_s=settings.keeper_period_s, suspect_s=settings.keeper_dead_after_s
        )

    def prepare(self) -> None:
        """Set up what actors use in this process, too."""
        super().prepare()
        use_folder(self.settings.policies_dir)
        use_budget(self.settings.decisions_people_per_s)

    async def registry(self) -> RedisRegistry:
        """Return the keeper's notes."""
        return RedisRegistry(self.redis())

    async def parts(self, scope: Scope, name: str, epoch: int) -> HostParts:
        """Return everything a host needs."""
        settings = self.settings
        redis = self.redis()
        lease = WorkerLease(redis, lease_s=settings.id_lease_s)
        await lease.acquire()
        renewing = asyncio.create_task(lease.run(), name=f"{name}.ids")

        async def close() -> None:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await redis.aclose()

        return HostParts(
            name=name,
            scope=scope,
            epoch=epoch,
            make=make,
            journal=RedisJournal(
                redis, scope, epoch, cluster=settings.redis_cluster, outbox_cap=settings.outbox_cap
            ),
            configs=RedisConfigs(redis, check_s=settings.config_check_s),
            customers=RedisCustomers(redis),
            metrics=self.metrics(name),
            ready=lease.ready,
            new_id=lease.next,
            random=random.Random(epoch).random,
            close=close,
            inbox_limit=settings.inbox_limit,
        )
