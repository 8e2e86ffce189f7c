"""Finding hosts: the keeper's table, kept in step, and calls that end with their host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from actors.ports import HostClient, HostGoneError

RETRY_S = 0.2

log = structlog.get_logger()
T = TypeVar("T")


class Table(msgspec.Struct, frozen=True):
    """Which host has which role (role -> host name). A larger version is newer."""

    version: int
    hosts: dict[str, str]


class KeeperClient(Protocol):
    """The keeper, as gateways and hosts call it."""

    async def locate(self, role: str) -> str:
        """Return the name of the role's host, started if there is none."""
        ...

    async def report(self, role: str, name: str) -> None:
        """Say that the host did not answer; returns when it has been looked after."""
        ...

    async def watch(self, version: int) -> Table:
        """Return the table once it is newer than `version`, or after a while unchanged."""
        ...


class Locator:
    """One process's view of the keeper's table.

    Args:
        keeper: the keeper.
        connect: returns a client for a host name; raises HostGoneError.
    """

    def __init__(
        self, keeper: KeeperClient, connect: Callable[[str], Awaitable[HostClient]]
    ) -> None:
        self._keeper = keeper
        self._connect = connect
        self._table = Table(-1, {})
        self._clients: dict[str, HostClient] = {}
        self._calls: dict[str, set[asyncio.Task[Any]]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._watcher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow the table."""
        self._watcher = asyncio.create_task(self._watch(), name="locator.watch")

    async def stop(self) -> None:
        """Stop following."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` after every change of the table."""
        self._listeners.append(changed)

    @property
    def hosts(self) -> dict[str, str]:
        """Role -> host name, as last seen."""
        return self._table.hosts

    async def find(self, role: str) -> HostClient:
        """Return the role's host; waits until there is one."""
        while True:
            try:
                name = self._table.hosts.get(role) or await self._keeper.locate(role)
                client = self._clients.get(name)
                if client is None:
                    client = self._clients[name] = await self._connect(name)
            except HostGoneError as error:
                log.info("host.not_found", role=role, reason=str(error))
                await asyncio.sleep(RETRY_S)
            else:
                return client

    async def guard(self, client: HostClient, call: Coroutine[Any, Any, T]) -> T:
        """Return the call's result.

        Raises:
            HostGoneError: the host died, or the table says that it has been replaced.
        """
        task = asyncio.create_task(call)
        calls = self._calls.setdefault(client.name, set())
        calls.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise HostGoneError(f"{client.name} has been replaced") from None
        finally:
            calls.discard(task)

    async def report(self, role: str, name: str) -> None:
        """Tell the keeper that a host failed; returns when it is worth trying again."""
        self._clients.pop(name, None)
        try:
            await self._keeper.report(role, name)
        except HostGoneError as error:
            log.info("keeper.unreachable", reason=str(error))
        await asyncio.sleep(RETRY_S if self._table.hosts.get(role) == name else 0)

    async def _watch(self) -> None:
        while True:
            try:
                table = await self._keeper.watch(self._table.version)
            except HostGoneError as error:
                log.info("keeper.unreachable", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            if table.version != self._table.version:
                self._adopt(table)

    def _adopt(self, table: Table) -> None:
        self._table = table
        names = set(table.hosts.values())
        for name in [name for name in self._calls if name not in names]:
            for task in self._calls.pop(name):
                task.cancel()
        for name in [name for name in self._clients if name not in names]:
            del self._clients[name]
        for changed in self._listeners:
            changed()
