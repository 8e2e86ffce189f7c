"""Bringing entities into memory: settings, records, timeline; and knowing which are stored live."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from actors.addresses import Address
from actors.config import OrgConfig
from actors.machine import Machine
from actors.messages import Tick
from actors.ports import ConfigSource, Journal
from actors.roster import Roster
from actors.running import discard
from actors.turn import Turn

LOAD_N = 500
"""Entities in one round trip: bounds the memory of an answer."""

log = structlog.get_logger()


class Loader:
    """Fills a host's roster from the journal."""

    def __init__(
        self,
        make: Callable[[Address, OrgConfig], Machine],
        journal: Journal,
        configs: ConfigSource,
        roster: Roster,
    ) -> None:
        self._make = make
        self._journal = journal
        self._configs = configs
        self._roster = roster
        self._known: dict[str, OrgConfig] = {}
        self._live: set[Address] = set()
        self._recovered: list[Machine] = []

    async def load_live(self) -> int:
        """Load every entity that was live at its last commit; return how many."""
        addresses = await self._journal.live()
        self._live = set(addresses)
        await self.load(addresses)
        return len(addresses)

    async def load(self, addresses: Iterable[Address]) -> None:
        """Load those that are not in memory. One of an unknown organisation stays out."""
        missing = [a for a in dict.fromkeys(addresses) if self._roster.get(a) is None]
        for start in range(0, len(missing), LOAD_N):
            some = missing[start : start + LOAD_N]
            for address, stored in zip(some, await self._journal.load(some), strict=True):
                config = await self._config(address.org)
                if config is None:
                    log.warning("entity.unknown_org", entity=str(address))
                    continue
                machine = self._make(address, config)
                machine.restore(stored.records, stored.timeline)
                self._roster.add(machine)
                if stored.records or stored.timeline:
                    self._recovered.append(machine)

    def adopt(self, turn: Turn) -> None:
        """Let what was loaded since the last turn tell others that it is back."""
        for machine in self._recovered:
            if self._roster.get(machine.address) is machine:
                turn.touched[machine.address] = machine
                try:
                    turn.take(machine.address, machine.recovered(turn.ctx))
                except Exception as error:  # noqa: BLE001  a defect of this machine alone
                    discard(turn, self._roster, machine.address, Tick(), error)
        self._recovered.clear()

    @property
    def waiting(self) -> bool:
        """True when `adopt` has something to do."""
        return bool(self._recovered)

    def reconfigure(self, config: OrgConfig) -> list[Address]:
        """Keep newer settings; return the entities in memory that must be told."""
        known = self._known.get(config.org)
        if known is not None and known.version >= config.version:
            return []
        self._known[config.org] = config
        return [m.address for m in self._roster if m.address.org == config.org]

    def note_liveness(self, turn: Turn, machine: Machine) -> None:
        """Commit whether the entity must be loaded after a restart, if that changed."""
        address = machine.address
        if machine.live():
            if address not in self._live:
                turn.change(address).live = True
                self._live.add(address)
        elif address in self._live or turn.has_change(address):
            turn.change(address).live = False
            self._live.discard(address)

    async def _config(self, org: str) -> OrgConfig | None:
        if org not in self._known:
            config = await self._configs.get(org)
            if config is None:
                return None
            self._known.setdefault(org, config)
        return self._known[org]
