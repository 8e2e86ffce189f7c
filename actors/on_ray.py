"""The one file of the actors that imports Ray: hosts and the keeper as Ray actors.

Every Ray call of the domain sits behind a class here that speaks `actors.ports`; everything else
runs the same without Ray (`actors.in_process`). Names in the dashboard: `keeper`, and
`<role>@<epoch>` for hosts, so that a name is never used twice (Ray may return an actor that was
just killed under a reused name, ray issue 44083).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

from actors.building import Builder
from actors.codec import decode_batch, decode_envelopes, encode
from actors.host import Host
from actors.keeper import Keeper
from actors.locator import Locator, Table
from actors.peers import Peers
from actors.pipes import GatewayFabric
from actors.ports import FencedError, HostClient, HostGoneError, Pulse
from actors.scoring_on_ray import ServeScores

ROOT = Path(__file__).resolve().parent.parent
FIRST = ROOT / "serve" / "first"
"""Holds what Python runs first in each process of Ray."""
NAMESPACE = "raydesk"
KEEPER = "keeper"
HOST_MEMORY = 100 * 1024 * 1024
"""Reserved per host: hosts reserve no CPU, so memory is what bounds how many a node takes."""
CONCURRENCY = 100_000
"""Calls wait inside a host (a stream for its whole life), so the limit must never be reached."""
START_WITHIN_S = 120.0

ENVIRONMENT = {
    # Explicit, because a local start turns token mode on and writes a token file since Ray 2.59.
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    # 15 by default, made for batch work: people wait for what our workers do.
    "RAY_worker_niceness": "0",
    # 100,000 each by default: memory that a cluster which churns actors does not get back.
    "RAY_maximum_gcs_destroyed_actor_cached_count": "1000",
    "RAY_maximum_gcs_dead_worker_cached_count": "1000",
}
"""What every process of a cluster of ours must have in its environment before Ray starts."""
OBJECT_STORE = 80 * 1024 * 1024
"""Nothing of ours is large enough for it."""

T = TypeVar("T")


def start_ray(address: str = "local", *, dashboard: bool = False, dashboard_port: int = 0) -> str:
    """Start Ray on this machine (`local`), or connect to a cluster; return the dashboard's URL.

    A local cluster binds its dashboard to loopback: whoever reaches Ray can run code.
    """
    os.environ.update({k: v for k, v in ENVIRONMENT.items() if k not in os.environ})
    # Workers import the project from where this process did, before any installed namesake.
    paths = [str(ROOT), str(FIRST), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    options: dict[str, Any] = {}
    if address == "local":
        options = {
            "include_dashboard": dashboard,
            "dashboard_host": "127.0.0.1",
            "dashboard_port": dashboard_port or None,
            "object_store_memory": OBJECT_STORE,
        }
    context = ray.init(
        address=address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level=logging.WARNING,
        **options,
    )
    return str(context.dashboard_url or "")


def stop_ray() -> None:
    """Leave the cluster; one that `start_ray` started ends."""
    ray.shutdown()


async def answered(call: Awaitable[T]) -> T:
    """Return a Ray call's answer.

    Raises:
        HostGoneError: the actor is dead or unreachable, or said so itself.
        FencedError: as the actor raised it.
    """
    try:
        return await call
    except RayTaskError as error:
        if isinstance(error.cause, HostGoneError | FencedError):
            raise type(error.cause)(str(error.cause)) from None
        raise
    except (RayActorError, WorkerCrashedError) as error:
        raise HostGoneError(str(error).splitlines()[0]) from None


class RayHost:
    """One host process. All methods run on one event loop; see `actors.host.Host`."""

    def __init__(self, builder: Builder, role: str, name: str, epoch: int) -> None:
        self._builder = builder
        self._role = role
        self._name = name
        self._epoch = epoch
        self._host: Host
        self._peers: Peers
        self._locator: Locator

    async def start(self) -> None:
        """Load and run. Raises FencedError when a newer host exists."""
        self._builder.prepare()
        placement = self._builder.placement
        scope = placement.scope(self._role)
        parts = await self._builder.parts(scope, self._name, self._epoch)
        if scope.kind == "dispatch":
            parts.scores = ServeScores()
        self._locator = Locator(RayKeeper(), connect)
        self._locator.start()

        def outbound(host: Host) -> Peers:
            self._peers = Peers(placement, self._locator, host.confirm)
            return self._peers

        self._host = Host(parts, outbound)
        await self._host.start()

    async def exchange(self, batch: bytes) -> bytes:
        return await self._host.exchange(decode_batch(batch))

    async def frames(self, gateway: str, attach: int) -> AsyncIterator[bytes]:
        async for item in self._host.frames(gateway, attach):
            yield item

    async def tell(self, batch: bytes) -> None:
        await self._host.tell(decode_envelopes(batch))

    async def survey(self, org: str) -> bytes:
        return encode(self._host.survey(org))

    async def ping(self) -> Pulse:
        return self._host.ping()


class SessionHost(RayHost):
    """Shown under this name in the Ray dashboard."""


class AgentHost(RayHost):
    """Same."""


class QueueHost(RayHost):
    """Same."""


class DispatchHost(RayHost):
    """Same."""


HOSTS = {"session": SessionHost, "agent": AgentHost, "queue": QueueHost, "dispatch": DispatchHost}


class RayHostClient:
    """A host in another process (implements `actors.ports.HostClient`)."""

    def __init__(self, name: str, handle: Any) -> None:
        self.name = name
        self._handle = handle

    async def exchange(self, batch: bytes) -> bytes:
        return await answered(self._handle.exchange.remote(batch))

    async def frames(self, gateway: str, attach: int) -> AsyncIterator[bytes]:
        stream = self._handle.frames.remote(gateway, attach)
        while True:
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                return
            yield await answered(item)

    async def tell(self, batch: bytes) -> None:
        await answered(self._handle.tell.remote(batch))

    async def survey(self, org: str) -> bytes:
        return await answered(self._handle.survey.remote(org))

    async def ping(self) -> Pulse:
        return await answered(self._handle.ping.remote())


async def connect(name: str) -> HostClient:
    """Return a client for a named host.

    Raises:
        HostGoneError: there is none.
    """
    return RayHostClient(name, _actor(name))


def _actor(name: str) -> Any:
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        raise HostGoneError(f"no actor {name}") from None


class RaySpawner:
    """Starts and kills host actors (implements `actors.keeper.Spawner`)."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    async def spawn(self, role: str, name: str, epoch: int) -> HostClient:
        kind = self._builder.placement.scope(role).kind
        handle: Any = (
            ray.remote(HOSTS[kind])
            .options(
                name=name,
                namespace=NAMESPACE,
                lifetime="detached",  # outlives a keeper that is restarted
                num_cpus=0,
                memory=HOST_MEMORY,
                max_restarts=0,  # the keeper replaces it under a new epoch
                max_task_retries=0,
                max_concurrency=CONCURRENCY,
                scheduling_strategy="SPREAD",
            )
            .remote(self._builder, role, name, epoch)
        )
        try:
            async with asyncio.timeout(START_WITHIN_S):
                await answered(handle.start.remote())
        except TimeoutError:
            ray.kill(handle)
            raise HostGoneError(f"{name} did not start within {START_WITHIN_S:.0f} s") from None
        except RayTaskError as error:
            ray.kill(handle)
            raise HostGoneError(f"{name} did not start: {error}") from None
        return RayHostClient(name, handle)

    async def connect(self, name: str) -> HostClient:
        return await connect(name)

    async def kill(self, name: str) -> None:
        try:
            ray.kill(_actor(name))
        except HostGoneError:
            return


class KeeperActor:
    """The keeper as a Ray actor; a restart re-runs `__init__` only, so each call starts it."""

    def __init__(self, builder: Builder) -> None:
        builder.prepare()
        self._builder = builder
        self._starting: asyncio.Task[Keeper] | None = None

    async def _keeper(self) -> Keeper:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Keeper:
        builder = self._builder
        spawner, registry = RaySpawner(builder), await builder.registry()
        metrics = builder.metrics(KEEPER)
        keeper = Keeper(builder.placement, spawner, registry, metrics, builder.timings)
        await keeper.start()
        return keeper

    async def locate(self, role: str) -> str:
        return await (await self._keeper()).locate(role)

    async def report(self, role: str, name: str) -> None:
        await (await self._keeper()).report(role, name)

    async def watch(self, version: int) -> Table:
        return await (await self._keeper()).watch(version)

    async def stop(self) -> None:
        await (await self._keeper()).stop()


class RayKeeper:
    """The keeper, as other processes call it (implements `actors.locator.KeeperClient`)."""

    async def locate(self, role: str) -> str:
        return await _kept(_actor(KEEPER).locate.remote(role))

    async def report(self, role: str, name: str) -> None:
        await _kept(_actor(KEEPER).report.remote(role, name))

    async def watch(self, version: int) -> Table:
        return await _kept(_actor(KEEPER).watch.remote(version))


async def _kept(call: Awaitable[T]) -> T:
    """Return the keeper's answer.

    Raises:
        HostGoneError: none came, whatever went wrong there: callers ask again, and must not end.
    """
    try:
        return await answered(call)
    except RayTaskError as error:
        raise HostGoneError(f"the keeper failed: {error.cause!r}") from None


def start_actors(builder: Builder, timeout_s: float = START_WITHIN_S) -> None:
    """Start the keeper and all hosts in the connected Ray cluster; return once they serve."""
    keeper: Any = (
        ray.remote(KeeperActor)
        .options(
            name=KEEPER,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=0,
            max_concurrency=CONCURRENCY,
        )
        .remote(builder)
    )
    ray.get(keeper.watch.remote(-1), timeout=timeout_s)


def stop_actors(timeout_s: float = 30.0) -> None:
    """End all hosts and the keeper; nothing happens if there are none."""
    try:
        keeper = _actor(KEEPER)
    except HostGoneError:
        return
    ray.get(keeper.stop.remote(), timeout=timeout_s)
    ray.kill(keeper)


def fabric(gateway: str, builder: Builder) -> GatewayFabric:
    """Return a gateway's way to the actors of the connected cluster."""
    locator = Locator(RayKeeper(), connect)
    return GatewayFabric(gateway, builder.placement, locator, builder.metrics(gateway))
