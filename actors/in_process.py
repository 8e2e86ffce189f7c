"""The whole actor system in one event loop: hosts, keeper and fabric without Ray.

For tests of everything above and below Ray, and for programs that want no cluster. Commands and
frames are encoded as between processes; `kill` ends a host as abruptly as one process can: nothing
after the last commit survives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from actors.building import Builder
from actors.codec import decode_batch, decode_envelopes, encode
from actors.host import Host
from actors.keeper import Keeper
from actors.locator import Locator, Table
from actors.peers import Peers
from actors.pipes import GatewayFabric
from actors.ports import HostGoneError, Pulse


class LocalClient:
    """A host in this process (implements `actors.ports.HostClient`)."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self._host = host

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


class LocalKeeper:
    """The keeper in this process (implements `actors.locator.KeeperClient`)."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def locate(self, role: str) -> str:
        return await self._keeper.locate(role)

    async def report(self, role: str, name: str) -> None:
        await self._keeper.report(role, name)

    async def watch(self, version: int) -> Table:
        return await self._keeper.watch(version)


class InProcess:
    """An actor system in this event loop (implements `actors.keeper.Spawner`).

    Args:
        builder: the adapters, as for Ray.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._running: dict[str, tuple[Host, Peers, Locator]] = {}
        self._fabrics: list[GatewayFabric] = []
        self.keeper: Keeper

    async def start(self) -> None:
        """Start the keeper and with it the hosts."""
        self.keeper = Keeper(
            self._builder.placement,
            self,
            await self._builder.registry(),
            self._builder.metrics("keeper"),
            self._builder.timings,
        )
        await self.keeper.start()

    async def stop(self) -> None:
        """End everything."""
        for fabric in self._fabrics:
            await fabric.stop()
        await self.keeper.stop()
        for name in list(self._running):
            await self.kill(name)

    def fabric(self, gateway: str) -> GatewayFabric:
        """Return a new gateway's fabric; `stop` ends it if its owner has not."""
        metrics = self._builder.metrics(gateway)
        made = GatewayFabric(gateway, self._builder.placement, self._locator(), metrics)
        self._fabrics.append(made)
        return made

    def host(self, role: str) -> Host:
        """Return the role's present host."""
        found = [
            host for name, (host, _, _) in self._running.items() if name.startswith(f"{role}@")
        ]
        return found[-1]

    async def spawn(self, role: str, name: str, epoch: int) -> LocalClient:
        """Start a host; see `Spawner.spawn`."""
        scope = self._builder.placement.scope(role)
        parts = await self._builder.parts(scope, name, epoch)
        locator = self._locator()
        peers: list[Peers] = []

        def outbound(host: Host) -> Peers:
            peers.append(Peers(self._builder.placement, locator, host.confirm))
            return peers[0]

        host = Host(parts, outbound)
        locator.start()
        self._running[name] = (host, peers[0], locator)
        await host.start()
        return LocalClient(name, host)

    async def connect(self, name: str) -> LocalClient:
        """Return a running host; see `Spawner.connect`."""
        if name not in self._running:
            raise HostGoneError(name)
        return LocalClient(name, self._running[name][0])

    async def kill(self, name: str) -> None:
        """End a host; see `Spawner.kill`."""
        if name in self._running:
            host, peers, locator = self._running.pop(name)
            await peers.stop()
            await locator.stop()
            await host.stop()

    def _locator(self) -> Locator:
        return Locator(LocalKeeper(self.keeper), self.connect)
