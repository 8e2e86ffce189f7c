"""The waiting contacts as dispatch knows them: kept as the policies' `Waits`. Soft state, but for
those who are being offered (the ledger has them): queues tell it all again on `Announce`."""

from __future__ import annotations

import heapq

import msgspec

from actors.config import OrgConfig, QueueConfig, RelaxStep
from actors.dispatch.ledger import Offer
from actors.dispatch.staff import Staff
from actors.messages import Contact
from policies.view import ContactView, Demand
from policies.waits import Waits

RETRY_S = 2.0
"""All others have declined too: pause before asking the same agents again, so that a program that
declines everything does not do so at the speed of light."""


DemandKey = tuple[str, tuple[tuple[str, int], ...], int, str]
"""Queue, needs of the contact's own, relaxation steps behind it, language."""


class Waiting(msgspec.Struct):
    """One contact; `offered`: an offer is open, so it is not shown to policies."""

    contact: Contact
    virtual_at: float
    offered: bool = False
    since: float = 0.0
    """From when relaxation counts."""
    tried: frozenset[str] = frozenset()
    retry_at: float = 0.0


class WaitingRoom:
    """Every contact that waits or is offered, by session."""

    def __init__(self, config: OrgConfig, staff: Staff) -> None:
        self.waits = Waits()
        self._staff = staff
        self._entries: dict[str, Waiting] = {}
        self._queues = config.queues
        self._demands: dict[DemandKey, Demand] = {}
        self._tried: set[str] = set()
        self._retries: list[tuple[float, str]] = []
        self._relaxing: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, session: str) -> Waiting | None:
        """Return the session's entry, or None."""
        return self._entries.get(session)

    def configure(self, config: OrgConfig, now: float) -> None:
        """Take over new settings: what contacts need may have changed."""
        self._queues = config.queues
        self._demands.clear()
        for session in self._entries:
            self.show(session, now)

    def put(self, contact: Contact, virtual_at: float, now: float, since: float = 0.0) -> None:
        """Add the contact, or replace its session's. `since`: see `ContactWaiting`."""
        known = self._entries.get(contact.session)
        entry = Waiting(contact, virtual_at, since=since or contact.arrived_at)
        if known is not None and known.contact.episode == contact.episode:
            entry.offered, entry.tried = known.offered, known.tried
            entry.retry_at = known.retry_at
        else:
            self._tried.discard(contact.session)
        self._entries[contact.session] = entry
        self.show(contact.session, now)

    def put_offered(self, offer: Offer) -> None:
        """Add the contact of an open offer (after a restart)."""
        self._entries[offer.contact.session] = Waiting(
            offer.contact, offer.virtual_at, offered=True
        )

    def remove(self, session: str) -> None:
        """Forget the session's contact."""
        self._entries.pop(session, None)
        self._tried.discard(session)
        self.waits.remove(session)

    def offered(self, session: str) -> None:
        """Take the contact out of the policies' sight while an offer is open."""
        self._entries[session].offered = True
        self.waits.remove(session)

    def back(self, session: str, now: float, *, tried: str = "") -> None:
        """The offer ended without a yes: wait on at the old age. `tried`: who said no."""
        entry = self._entries[session]
        entry.offered = False
        if tried:
            entry.tried |= {tried}
            self._tried.add(session)
        self.show(session, now)

    def show(self, session: str, now: float) -> None:
        """Let the policies see the contact as it is now, or not see it."""
        entry = self._entries[session]
        view = None if entry.offered else self._view(entry, now)
        if view is None:
            self.waits.remove(session)
        else:
            self.waits.put(view, now)

    def advance(self, now: float) -> bool:
        """End the waits for preferred agents and the pauses that are over; return whether any."""
        moved = self.waits.advance(now)
        while self._relaxing and self._relaxing[0][0] <= now:
            _, session = heapq.heappop(self._relaxing)
            if session in self.waits:
                self.show(session, now)
                moved = True
        while self._retries and self._retries[0][0] <= now:
            _, session = heapq.heappop(self._retries)
            entry = self._entries.get(session)
            if entry is not None and entry.retry_at and entry.retry_at <= now:
                entry.tried, entry.retry_at = frozenset(), 0.0
                self._tried.discard(session)
                self.show(session, now)
                moved = True
        return moved

    def next_at(self) -> float | None:
        """Return when `advance` has something to do next, None if never."""
        due = [
            self.waits.next_expiry(),
            self._retries[0][0] if self._retries else None,
            self._relaxing[0][0] if self._relaxing else None,
        ]
        return min((at for at in due if at is not None), default=None)

    def ask_again(self, now: float) -> None:
        """Plan to ask those again who said no, where no other is left to ask."""
        for session in self._tried:
            entry = self._entries[session]
            view = None if entry.retry_at or entry.offered else self._view(entry, now)
            if view is None:
                continue
            others = not view.agent and self._staff.has_others(
                view.demand, view.tried | view.exclude
            )
            if not others:
                entry.retry_at = now + RETRY_S
                heapq.heappush(self._retries, (entry.retry_at, session))

    def forget_preference(self, agent: str, now: float) -> None:
        """The agent is gone: those who prefer it wait for anyone."""
        for order in list(self.waits.named.get(agent, ())):
            if not self.waits[order[2]].agent:
                self.show(order[2], now)

    def _view(self, entry: Waiting, now: float) -> ContactView | None:
        contact = entry.contact
        queue = self._queues.get(contact.queue)
        if queue is None:
            return None
        prefer = contact.prefer
        if prefer and self._staff.gone_for_good(prefer):
            prefer = ""
        relaxed = self._relaxed(queue, entry, now)
        return ContactView(
            id=contact.session,
            demand=self._demand(queue, contact, relaxed),
            arrived_at=contact.arrived_at,
            virtual_at=entry.virtual_at,
            episode=contact.episode,
            agent=contact.agent,
            prefer=prefer,
            prefer_until=contact.prefer_until,
            exclude=frozenset(contact.exclude),
            tried=entry.tried,
            purpose=contact.purpose,
            vip=contact.customer.vip,
            lang=contact.customer.lang,
            intent=contact.intent,
            relaxed=relaxed,
        )

    def _relaxed(self, queue: QueueConfig, entry: Waiting, now: float) -> int:
        """Return how many relaxation steps are behind the contact; plan to look again at the
        next."""
        if entry.contact.agent:
            return 0
        for done, step in enumerate(queue.relax):
            at = entry.since + step.after_s
            if at > now:
                heapq.heappush(self._relaxing, (at, entry.contact.session))
                return done
        return len(queue.relax)

    def _demand(self, queue: QueueConfig, contact: Contact, relaxed: int) -> Demand:
        lang = contact.customer.lang.partition("-")[0].lower() if queue.match_language else ""
        key = (queue.id, tuple(sorted(contact.needs.items())), relaxed, lang)
        demand = self._demands.get(key)
        if demand is None:
            needs = dict(queue.needs)
            for skill, level in contact.needs.items():
                needs[skill] = max(level, needs.get(skill, 0))
            for step in queue.relax[:relaxed]:
                needs, lang = _less(needs, step), "" if step.anyone else lang
            demand = self._demands[key] = Demand(
                queue=queue.id,
                kind=queue.kind,
                groups=frozenset(queue.groups),
                needs=tuple(sorted(needs.items())),
                units=queue.units,
                channel=queue.channel,
                lang=lang,
            )
        return demand


def _less(needs: dict[str, int], step: RelaxStep) -> dict[str, int]:
    """Return what is still needed after a relaxation step."""
    if step.anyone:
        return {}
    lowered = {skill: min(level, step.needs.get(skill, level)) for skill, level in needs.items()}
    return {skill: level for skill, level in lowered.items() if level > 0}
