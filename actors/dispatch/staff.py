"""The agents as dispatch knows them: settings, status, load. Kept as the policies' pool."""

from __future__ import annotations

import msgspec

from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch.ledger import Ledger
from actors.dispatch.quotas import Quotas
from actors.messages import AgentChanged
from policies.eligibility import unfit
from policies.pool import Pool
from policies.view import AgentView, Demand


class Presence(msgspec.Struct):
    """What an agent said last, and since when it idles. Soft: `Announce` brings it back."""

    status: str = "offline"
    version: int = -1
    idle_since: float = 0.0
    missed: bool = False
    """Missed an offer, and has not been heard of since."""


class Staff:
    """Everybody in the settings; `pool` always shows their present load."""

    def __init__(self, config: OrgConfig, ledger: Ledger, quotas: Quotas) -> None:
        self.pool = Pool()
        self._ledger = ledger
        self._quotas = quotas
        self._agents: dict[str, AgentConfig] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._languages: dict[str, frozenset[str]] = {}
        self._presence: dict[str, Presence] = {}
        self.configure(config)

    def configure(self, config: OrgConfig) -> list[str]:
        """Take over new settings; return the agents who can no longer work."""
        gone = [a for a in self._agents if a not in config.agents or not config.agents[a].works]
        for agent in self._agents:
            if agent not in config.agents:
                self.pool.remove(agent)
        self._agents = dict(config.agents)
        self._groups = {a.id: frozenset(a.groups) for a in config.agents.values()}
        self._languages = {a.id: frozenset(a.languages) for a in config.agents.values()}
        for agent in self._agents:
            self.refresh(agent)
        return gone

    def heard(self, changed: AgentChanged) -> bool:
        """Note a status; return False if it is older than what is known."""
        presence = self._presence.setdefault(changed.agent, Presence())
        if changed.version < presence.version:
            return False
        news = changed.version > presence.version
        presence.version, presence.status, presence.missed = changed.version, changed.status, False
        if news:
            presence.idle_since = changed.since
        self.refresh(changed.agent)
        return True

    def missed(self, agent: str) -> None:
        """Give the agent nothing more until it is heard of again."""
        self._presence.setdefault(agent, Presence()).missed = True
        self.refresh(agent)

    def idle_since(self, agent: str) -> float:
        """Return when the agent became available, was given a contact, or finished one."""
        presence = self._presence.get(agent)
        return 0.0 if presence is None else presence.idle_since

    def set_idle_since(self, agent: str, at: float) -> None:
        """Move the agent in the order of idleness; `refresh` must follow."""
        self._presence.setdefault(agent, Presence()).idle_since = at

    def status(self, agent: str) -> str | None:
        """Return the agent's status, None if it has not been heard of."""
        presence = self._presence.get(agent)
        if presence is None or presence.version < 0:
            return None
        return "missed" if presence.missed else presence.status

    def refresh(self, agent: str) -> None:
        """Show the agent's present load and status in the pool."""
        known = self._agents.get(agent)
        if known is None:
            return
        presence = self._presence.get(agent)
        given_at, lately = self._lately(agent)
        self.pool.put(
            AgentView(
                id=agent,
                kind=known.kind,
                groups=self._groups[agent],
                skills=known.skills,
                capacity=known.capacity,
                used=self._ledger.used(agent),
                contacts_n=self._ledger.contacts_n(agent),
                status=self.status(agent) or "offline",
                enabled=known.works,
                idle_since=presence.idle_since if presence else 0.0,
                given_at=given_at,
                lately=lately,
                languages=self._languages[agent],
                channels=known.channels,
                used_in={c: self._ledger.used_in(agent, c) for c in known.channels},
                quotas=self._left(agent),
            )
        )

    def _lately(self, agent: str) -> tuple[float, float]:
        """Return when the agent was last given a contact, and how much of late. Soft: a restart
        forgets it."""
        before = self.pool.get(agent)
        if before is None:
            return 0.0, 0.0
        if self._ledger.contacts_n(agent) <= before.contacts_n:
            return before.given_at, before.lately
        at = self.idle_since(agent)
        return at, before.lately_at(at) + 1.0

    def _left(self, agent: str) -> dict[str, int]:
        """How many more contacts of each queue with a quota the agent may be offered today."""
        left = self._quotas.left(agent)
        if left:
            for offer in self._ledger.offers_to(agent):
                if offer.contact.queue in left:
                    left[offer.contact.queue] -= 1
        return left

    def gone_for_good(self, agent: str) -> bool:
        """Return whether waiting for this agent is no use now: unknown to the settings, switched
        off, or known to be offline."""
        known = self._agents.get(agent)
        return known is None or not known.works or self.status(agent) == "offline"

    def has_others(self, demand: Demand, but: frozenset[str]) -> bool:
        """Return whether anyone fit is available (free or not) who is not in `but`."""
        pool = self.pool
        return any(
            pool[a].status == "available" and pool[a].enabled
            for a in pool.members(demand)
            if a not in but
        )

    def on_duty(self, queue: QueueConfig) -> bool:
        """Return whether anyone who serves the queue is not offline."""
        demand = Demand(queue=queue.id, kind=queue.kind, groups=frozenset(queue.groups))
        return any(
            view.enabled and view.status != "offline" and unfit(demand, view) is None
            for view in (self.pool[agent] for agent in self.pool)
        )
