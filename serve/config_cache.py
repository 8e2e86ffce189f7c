"""Every organisation's settings in memory, so that a connect costs no look-up."""

from __future__ import annotations

from collections.abc import Callable

from actors.config import OrgConfig
from actors.ports import ConfigSource


class ConfigCache:
    """A `ConfigSource` that remembers what another one announces. `run` keeps it current."""

    def __init__(self, source: ConfigSource) -> None:
        self._source = source
        self._known: dict[str, OrgConfig] = {}
        self._listeners: list[Callable[[OrgConfig], None]] = []

    def listen(self, changed: Callable[[OrgConfig], None]) -> None:
        """Call `changed` with all settings that become known from now on."""
        self._listeners.append(changed)

    async def get(self, org: str) -> OrgConfig | None:
        """Return the newest settings; an organisation not heard of yet is asked for."""
        known = self._known.get(org)
        return known if known is not None else await self._source.get(org)

    async def run(self) -> None:
        """Follow every change until cancelled."""
        await self._source.watch(self._keep)

    def _keep(self, config: OrgConfig) -> None:
        known = self._known.get(config.org)
        if known is None or config.version >= known.version:
            self._known[config.org] = config
            for changed in self._listeners:
                changed(config)
