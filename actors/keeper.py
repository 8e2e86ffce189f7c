"""The keeper: which host has which role; it starts, watches and replaces them.

Hard state: the registry (role -> host name) in Redis, so that a keeper that restarts finds the
hosts that live on. Soft state: everything else. Two keepers at once (a partition) do no harm: a
host's epoch, taken from one counter, decides who may write.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import msgspec
import structlog

from actors.cancelling import raise_if_cancelled
from actors.locator import Table
from actors.placement import Placement
from actors.ports import FencedError, HostClient, HostGoneError, Metrics

WATCH_S = 10.0
START_N = 4
"""Hosts started at once: each costs half a CPU-second."""

log = structlog.get_logger()


class Registry(Protocol):
    """The keeper's own durable notes."""

    async def next_epoch(self) -> int: ...

    async def hosts(self) -> dict[str, str]: ...

    async def put(self, role: str, name: str) -> None: ...

    async def drop(self, role: str) -> None: ...

    async def live_roles(self, placement: Placement) -> list[str]:
        """Return the per-entity roles that have a live entity."""
        ...


class Spawner(Protocol):
    """Makes and ends host processes."""

    async def spawn(self, role: str, name: str, epoch: int) -> HostClient:
        """Start a host and return once it serves.

        Raises:
            HostGoneError: it died on the way.
        """
        ...

    async def connect(self, name: str) -> HostClient:
        """Return a running host.

        Raises:
            HostGoneError: no such host.
        """
        ...

    async def kill(self, name: str) -> None:
        """End a host; nothing happens if it is gone."""
        ...


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds."""

    ping_s: float = 0.5
    suspect_s: float = 4.0
    """A host that does not answer a ping for this long is replaced (and fenced if it lives)."""
    retire_s: float = 60.0
    """A per-entity host whose entity is over ends after this long."""


class Keeper:
    """See the module's docstring. All methods may be called at any time from one event loop."""

    def __init__(
        self,
        placement: Placement,
        spawner: Spawner,
        registry: Registry,
        metrics: Metrics,
        timings: Timings,
    ) -> None:
        self._placement = placement
        self._spawner = spawner
        self._registry = registry
        self._metrics = metrics
        self._timings = timings
        self._clients: dict[str, HostClient] = {}
        # Larger than any version of a keeper before this one.
        self._version = int(time.time() * 1000)
        self._changed = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._starting = asyncio.Semaphore(START_N)

    async def start(self) -> None:
        """Take over the hosts that live on, replace the dead, start what is missing."""
        known = await self._registry.hosts()
        wanted = {*self._placement.shards(), *await self._registry.live_roles(self._placement)}
        for role, name in known.items():
            if not self._fits(role):
                await self._spawner.kill(name)
                await self._registry.drop(role)
        roles = sorted(role for role in wanted | set(known) if self._fits(role))
        await asyncio.gather(*(self._adopt(role, known.get(role)) for role in roles))

    async def stop(self) -> None:
        """End all hosts."""
        for task in self._watchers.values():
            task.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        await asyncio.gather(*(self._spawner.kill(c.name) for c in self._clients.values()))

    async def locate(self, role: str) -> str:
        """Return the name of the role's host, started if there is none.

        Raises:
            ValueError: no such role under the placement.
        """
        self._placement.scope(role)
        client = self._clients.get(role)
        if client is None:
            await self._replace(role, None)
            client = self._clients[role]
        return client.name

    async def report(self, role: str, name: str) -> None:
        """Look after a host that somebody could not reach; returns when it is well or replaced."""
        client = self._clients.get(role)
        if client is None or client.name != name:
            return
        if not await self._answers(client, self._timings.suspect_s):
            await self._replace(role, name)

    async def watch(self, version: int) -> Table:
        """Return the table once it is newer than `version`, or as it is after a while."""
        if self._version <= version:
            changed = self._changed
            try:
                async with asyncio.timeout(WATCH_S):
                    await changed.wait()
            except TimeoutError:
                pass
        return Table(self._version, {role: c.name for role, c in self._clients.items()})

    def _fits(self, role: str) -> bool:
        """False for a role of another placement (the setting was changed between two starts)."""
        try:
            scope = self._placement.scope(role)
        except ValueError:
            return False
        return (scope.entity is not None) == (self._placement.rule(scope.kind) == "per-entity")

    async def _adopt(self, role: str, name: str | None) -> None:
        """Keep a host of the keeper before us if it answers; else start one."""
        if name is not None:
            try:
                client = await self._spawner.connect(name)
            except HostGoneError:
                log.info("host.gone", role=role, host=name)
            else:
                if await self._answers(client, self._timings.suspect_s):
                    self._set(role, client)
                    return
        await self._replace(role, None)

    async def _answers(self, client: HostClient, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await client.ping()
        except (HostGoneError, TimeoutError):
            return False
        return True

    async def _replace(self, role: str, name: str | None) -> None:
        """Start a host for the role unless somebody has replaced `name` already."""
        async with self._locks.setdefault(role, asyncio.Lock()):
            client = self._clients.get(role)
            if client is not None and client.name != name:
                return
            if client is not None:
                log.warning("host.replaced", role=role, host=client.name)
                self._metrics.add("replaced_total", 1, self._placement.scope(role).kind)
            fresh = await self._spawn(role)
            self._set(role, fresh)
            if client is not None:
                await self._spawner.kill(client.name)

    async def _spawn(self, role: str) -> HostClient:
        """Start a host, again and again until one serves."""
        while True:
            raise_if_cancelled()
            epoch = await self._registry.next_epoch()
            name = f"{role}@{epoch}"
            try:
                async with self._starting:
                    client = await self._spawner.spawn(role, name, epoch)
            except (HostGoneError, FencedError) as error:
                log.warning("host.not_started", role=role, host=name, reason=str(error))
                await asyncio.sleep(self._timings.ping_s)
                continue
            await self._registry.put(role, name)
            return client

    def _set(self, role: str, client: HostClient) -> None:
        self._clients[role] = client
        self._bump()
        watcher = self._watchers.pop(role, None)
        if watcher is not None and watcher is not asyncio.current_task():
            watcher.cancel()
        self._watchers[role] = asyncio.create_task(
            self._watch_host(role, client), name=f"keeper.{client.name}"
        )

    def _bump(self) -> None:
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def _watch_host(self, role: str, client: HostClient) -> None:
        """Ping one host until it must be replaced or may retire."""
        while True:
            await asyncio.sleep(self._timings.ping_s)
            try:
                async with asyncio.timeout(self._timings.suspect_s):
                    pulse = await client.ping()
            except (HostGoneError, TimeoutError):
                await self._replace(role, client.name)
                return
            if "/" in role and pulse.idle_s > self._timings.retire_s:
                await self._retire(role, client)
                return

    async def _retire(self, role: str, client: HostClient) -> None:
        async with self._locks.setdefault(role, asyncio.Lock()):
            if self._clients.get(role) is not client:
                return
            del self._clients[role]
            self._watchers.pop(role, None)
            self._bump()
            await self._registry.drop(role)
            await self._spawner.kill(client.name)
            log.info("host.retired", role=role, host=client.name)
