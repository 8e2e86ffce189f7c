"""How a process that hosts actors gets its adapters, without `actors` knowing them."""

from __future__ import annotations

from typing import Protocol

from actors.host import HostParts
from actors.keeper import Registry, Timings
from actors.placement import Placement, Scope
from actors.ports import Metrics


class Builder(Protocol):
    """Made once by whoever starts the system, and sent to every process of it (picklable)."""

    placement: Placement
    timings: Timings

    def prepare(self) -> None:
        """Set up this process: logs, event loop policy."""
        ...

    def metrics(self, actor: str) -> Metrics:
        """Return this process's metrics."""
        ...

    async def registry(self) -> Registry:
        """Return the keeper's notes."""
        ...

    async def parts(self, scope: Scope, name: str, epoch: int) -> HostParts:
        """Return everything a host of that scope needs."""
        ...
