"""A policy's matches, and who else could take a contact with everything else as planned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from policies.eligibility import reason
from policies.view import AgentView, ContactView, Match, View, Why


class Plan:
    """The matches of one round, whose agents may be exchanged; their order stays."""

    def __init__(self, view: View, matches: Sequence[Match]) -> None:
        self.view = view
        self.contacts = [view.waiting[match.contact] for match in matches]
        self._whys = {match.contact: match.why for match in matches}
        self._agent = {match.contact: match.agent for match in matches}
        self._given: dict[str, list[ContactView]] = {}
        for contact in self.contacts:
            self._given.setdefault(self._agent[contact.id], []).append(contact)

    def agent_of(self, contact: ContactView) -> str:
        """Return who serves the contact as things stand."""
        return self._agent[contact.id]

    def why_of(self, contact: ContactView) -> Why:
        """Return what is told of the contact's match."""
        return self._whys[contact.id] or Why()

    def draws_lots(self, contact: ContactView) -> bool:
        """Return whether the match is a draw already."""
        why = self.why_of(contact)
        return bool(why.propensities or why.uniform_n)

    def scores(self, contact: ContactView) -> dict[str, float]:
        """Return what the policy thinks of each agent, in one number; empty if it does not tell."""
        told = self.why_of(contact).scores
        return {a: parts.get("total", sum(parts.values())) for a, parts in told.items()}

    def room(self, agent: str, without: Iterable[ContactView]) -> AgentView:
        """Return the agent with all it is given, less some contacts."""
        left_out = {contact.id for contact in without}
        found = self.view.pool[agent]
        for contact in self._given.get(agent, ()):
            if contact.id not in left_out:
                found = found.given(contact.demand, self.view.now)
        return found

    def options(self, contact: ContactView, without: Sequence[ContactView]) -> list[AgentView]:
        """Return who may take the contact beside all that is planned less `without`, by id."""
        pool, now = self.view.pool, self.view.now
        fit = {contact.agent} if contact.agent else pool.members(contact.demand)
        agents = (self.room(agent, without) for agent in sorted(fit & pool.free))
        return [agent for agent in agents if reason(contact, agent, now) is None]

    def move(self, contact: ContactView, agent: str, why: Why) -> None:
        """Give the contact to an agent, with a new reason."""
        self._given[self._agent[contact.id]].remove(contact)
        self._given.setdefault(agent, []).append(contact)
        self._agent[contact.id], self._whys[contact.id] = agent, why

    def drop(self, contact: ContactView) -> None:
        """Leave the contact out of the round."""
        self.contacts.remove(contact)
        self._given[self._agent.pop(contact.id)].remove(contact)
        del self._whys[contact.id]

    def keep(self, contact: ContactView, guard: str) -> None:
        """Leave the contact where it is, because of a guard."""
        why = self.why_of(contact)
        self._whys[contact.id] = msgspec.structs.replace(why, guards=(*why.guards, guard))

    def matches(self) -> list[Match]:
        """Return the round."""
        return [Match(c.id, self._agent[c.id], self._whys[c.id]) for c in self.contacts]
