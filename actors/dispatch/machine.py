"""The dispatch machine: the one place where an agent's slot is given away.

Hard state: the ledger (open offers and holds). Soft state: who waits (`waiting`), who is there
(`staff`), what is over (`Recent`); after a restart `Announce` asks queues and agents for it.

Invariants (they hold after every command, repeated, late or early):
- An agent's units are those of its open offers and holds; an offer is made only if the units fit
  (R1). Every offer ends once: accepted (it becomes a hold of the same id) or its units are free.
- A session has at most one open offer, of its latest episode; a later episode ends it.
- A hold exists from before anyone is told of the assignment until `Release` or `AssignRefused`.
  The session learns of a hold only from `Assign`, so no `Release` can overtake its hold; a
  `Release` frees every hold of that agent in that session up to its episode, so that a repeat of
  an old one cannot free a newer hold, and one that was lost with its session's older life is made
  good by the next.
- An episode that was accepted or left is over: a queue that says it waits is told that it was
  taken. Should that be forgotten in a crash, the session refuses the assignment and the hold goes.
- Whatever could let somebody be served marks the centre as changed, and every turn of a changed
  centre ends with rounds (R2, R3); a turn that reached its limit of matches asks for another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from actors.addresses import Address
from actors.config import OrgConfig
from actors.dispatch.ledger import Hold, Ledger, Offer
from actors.dispatch.rounds import Proposal, Rounds
from actors.dispatch.staff import Staff
from actors.dispatch.staffing import Staffing
from actors.dispatch.waiting import WaitingRoom
from actors.effects import Count, Effect, Log, Put, Tell
from actors.machine import Context
from actors.messages import (
    AgentChanged,
    Announce,
    Assign,
    AssignRefused,
    Command,
    ConfigChanged,
    Contact,
    ContactGone,
    ContactOffered,
    ContactTaken,
    ContactWaiting,
    GatewayGone,
    OfferAnswered,
    OfferEnded,
    OfferLapsed,
    OfferMade,
    Release,
    StaffChanged,
    Tick,
)
from actors.recent import Recent

TURN_MATCHES = 256
"""Offers made in one turn, at most: bounds the turn and its commit."""
OVER_N = 50_000
ENDED_N = 20_000


class Dispatch:
    """The dispatch of one organisation. See `actors.machine.Machine`."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self._org = config
        self._ledger = Ledger()
        self._staff = Staff(config, self._ledger)
        self._room = WaitingRoom(config, self._staff)
        self._rounds = Rounds(config)
        self._over: Recent[str, int] = Recent(OVER_N)
        """Session -> its latest episode that is over here."""
        self._ended: Recent[str, str] = Recent(ENDED_N)
        """Offer -> outcome."""
        self._changed = False
        self._staff_changed = False
        self._staffing = Staffing()
        self._known = False
        """A record exists, so that a restart asks everybody again."""
        self._now = 0.0
        self._last: dict[str, str | int | float | None] = {}
        self._out: list[Effect] = []

    # --- the machine -----------------------------------------------------------------------

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """See `Machine.restore`."""
        del timeline
        self._known = bool(records)
        self._ledger.load(records)
        for offer in self._ledger.offers.values():
            self._room.put_offered(offer)
        self._staff.configure(self._org)

    def recovered(self, ctx: Context) -> list[Effect]:
        """Ask every queue and agent for what was only in memory."""
        self._start(ctx.now)
        queues = [self._to("queue", queue) for queue in self._org.queues]
        agents = [self._to("agent", agent) for agent in self._org.agents]
        self._out += [Tell(to, Announce()) for to in (*queues, *agents)]
        return self._take_out()

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """See `Machine.handle`."""
        self._start(ctx.now)
        match command:
            case ContactWaiting(contact=contact, virtual_at=virtual_at):
                self._wait(contact, virtual_at)
            case ContactGone(session=session, episode=episode):
                self._gone(session, episode)
            case AgentChanged():
                self._agent_changed(command)
            case OfferAnswered():
                self._answered(command)
            case AssignRefused():
                self._assign_refused(command)
            case Release():
                self._release(command)
            case ConfigChanged(config=config):
                self._reconfigure(config)
            case Tick() | GatewayGone():
                pass
            case _:
                raise TypeError(f"not a dispatch's command: {type(command).__name__}")
        return self._take_out()

    def settle(self, ctx: Context) -> list[Effect]:
        """End overdue offers, then run rounds until nothing more can be matched."""
        self._start(ctx.now)
        self._expire()
        if self._staff_changed:
            self._staff_changed = False
            self._room.ask_again(self._now)
        if self._room.advance(self._now):
            self._changed = True
        if self._changed:
            self._run_rounds(ctx)
        self._tell_staffed()
        return self._take_out()

    def deadline(self) -> float | None:
        """See `Machine.deadline`."""
        due = [
            self._now if self._changed else None,
            self._ledger.next_deadline(),
            self._room.next_at(),
            self._staffing.due_at(),
        ]
        return min((at for at in due if at is not None), default=None)

    def gateways(self) -> set[str]:
        """No socket is attached to a dispatch."""
        return set()

    def live(self) -> bool:
        """Always: it is loaded again wherever it restarts."""
        return True

    def summary(self) -> dict[str, object]:
        """Return how many wait, are offered and held, who is there, and the last decision."""
        pool = self._staff.pool
        return {
            "dispatch": self.address.id,
            "waiting": len(self._room.waits),
            "offers": len(self._ledger.offers),
            "held": len(self._ledger.holds),
            "free_agents": len(pool.free),
            "agents": dict(Counter(pool[agent].status for agent in pool)),
            "last_decision": self._last,
        }

    # --- who waits -------------------------------------------------------------------------

    def _wait(self, contact: Contact, virtual_at: float) -> None:
        session, episode = contact.session, contact.episode
        known, over = self._room.get(session), self._over.get(session)
        if (over is not None and over >= episode) or self._ledger.held_episode(session) >= episode:
            taken = ContactTaken(session=session, episode=episode, agent="")
            self._out.append(Tell(self._to("queue", contact.queue), taken))
            return
        if known is not None and known.contact.episode > episode:
            return
        if known is not None and known.contact.episode < episode:
            self._withdraw(session)
        self._room.put(contact, virtual_at, self._now)
        self._changed = True

    def _gone(self, session: str, episode: int) -> None:
        self._close(session, episode)
        known = self._room.get(session)
        if known is not None and known.contact.episode <= episode:
            self._withdraw(session)
            self._room.remove(session)

    def _close(self, session: str, episode: int) -> None:
        self._over.set(session, max(episode, self._over.get(session) or 0))

    # --- agents ----------------------------------------------------------------------------

    def _agent_changed(self, command: AgentChanged) -> None:
        agent = command.agent
        before = self._staff.status(agent)
        if not self._staff.heard(command):
            return
        if (before == "offline") != (command.status == "offline"):
            self._staffing.changed = True
        if command.status != "available":
            self._withdraw_all(agent)
        if command.status == "offline":
            self._room.forget_preference(agent, self._now)
        self._changed = self._staff_changed = True

    def _release(self, command: Release) -> None:
        for hold in self._ledger.holds_of(command.session):
            if hold.agent == command.agent and hold.episode <= command.episode:
                self._free(hold)

    def _free(self, hold: Hold) -> None:
        self._out.append(self._ledger.release(hold))
        self._close(hold.session, hold.episode)
        self._staff.set_idle_since(hold.agent, self._now)
        self._staff.refresh(hold.agent)
        self._changed = True

    # --- offers ----------------------------------------------------------------------------

    def _offer(self, proposal: Proposal, ctx: Context) -> None:
        entry = self._room.get(proposal.contact.id)
        assert entry is not None
        contact, queue = entry.contact, self._org.queues[entry.contact.queue]
        offer = Offer(
            id=ctx.new_id(),
            agent=proposal.agent,
            contact=contact,
            virtual_at=entry.virtual_at,
            units=proposal.contact.demand.units,
            made_at=self._now,
            deadline=self._now + queue.offer_timeout_s,
            idle_since=self._staff.idle_since(proposal.agent),
        )
        self._explain(offer, proposal)
        self._staff.set_idle_since(offer.agent, self._now)
        auto = queue.accept == "auto"
        made = OfferMade(offer=offer.id, contact=contact, deadline=offer.deadline, auto=auto)
        self._out.append(Tell(self._to("agent", offer.agent), made))
        if auto:
            self._accept(offer)
            return
        self._out.append(self._ledger.open(offer))
        self._room.offered(contact.session)
        self._staff.refresh(offer.agent)
        told = ContactOffered(episode=contact.episode, offer=offer.id, agent=offer.agent)
        self._out.append(Tell(self._to("session", contact.session), told))

    def _answered(self, command: OfferAnswered) -> None:
        self._expire()
        offer = self._ledger.offers.get(command.offer)
        if offer is None or offer.agent != command.agent:
            held = command.offer in self._ledger.holds
            outcome = "accepted" if held else self._ended.get(command.offer) or "withdrawn"
            ended = OfferEnded(offer=command.offer, outcome=outcome)
            self._out.append(Tell(self._to("agent", command.agent), ended))
        elif command.accept:
            self._out.append(self._ledger.shut(offer))
            self._tell_ended(offer, "accepted")
            self._accept(offer)
        else:
            self._lapse(offer, "declined")

    def _accept(self, offer: Offer) -> None:
        contact = offer.contact
        session, episode = contact.session, contact.episode
        self._ended.set(offer.id, "accepted")
        self._room.remove(session)
        self._close(session, episode)
        assign = Assign(episode=episode, offer=offer.id, agent=offer.agent, purpose=contact.purpose)
        taken = ContactTaken(session=session, episode=episode, agent=offer.agent)
        self._out += [
            self._ledger.hold(offer.accepted(self._now)),
            Tell(self._to("queue", contact.queue), taken),
            Tell(self._to("session", session), assign),
            Count("offers_total", label="accepted"),
        ]
        self._staff.refresh(offer.agent)

    def _assign_refused(self, command: AssignRefused) -> None:
        hold = self._ledger.holds.get(command.offer)
        if hold is None or hold.session != command.session:
            return
        self._ended.set(hold.id, "failed")
        self._free(hold)
        ended = OfferEnded(offer=hold.id, outcome="failed")
        self._out.append(Tell(self._to("agent", hold.agent), ended))
        self._out.append(Count("offers_total", label="failed"))

    def _lapse(self, offer: Offer, outcome: str) -> None:
        """An offer ends without a yes: units back, the contact waits on at its old age."""
        self._out.append(self._ledger.shut(offer))
        self._ended.set(offer.id, outcome)
        if outcome == "withdrawn":
            self._staff.set_idle_since(offer.agent, offer.idle_since)
        if outcome == "missed":
            self._staff.missed(offer.agent)
        self._staff.refresh(offer.agent)
        tried = offer.agent if outcome in ("declined", "missed") else ""
        contact = offer.contact
        self._room.back(contact.session, self._now, tried=tried)
        self._tell_ended(offer, outcome)
        lapsed = OfferLapsed(episode=contact.episode, offer=offer.id, outcome=outcome)
        self._out.append(Tell(self._to("session", contact.session), lapsed))
        self._out.append(Count("offers_total", label=outcome))
        self._changed = self._staff_changed = True

    def _tell_ended(self, offer: Offer, outcome: str) -> None:
        ended = OfferEnded(offer=offer.id, outcome=outcome)
        self._out.append(Tell(self._to("agent", offer.agent), ended))

    def _withdraw(self, session: str) -> None:
        offer = self._ledger.offer_of(session)
        if offer is not None:
            self._lapse(offer, "withdrawn")

    def _withdraw_all(self, agent: str) -> None:
        for offer in self._ledger.offers_to(agent):
            self._lapse(offer, "withdrawn")

    def _expire(self) -> None:
        while (offer := self._ledger.overdue(self._now)) is not None:
            self._lapse(offer, "missed")
            self._withdraw_all(offer.agent)

    # --- rounds ----------------------------------------------------------------------------

    def _run_rounds(self, ctx: Context) -> None:
        """Leaves `_changed` set if the turn's limit was reached: the next turn goes on."""
        room, left = self._room, TURN_MATCHES
        while self._changed and left > 0 and len(room.waits) and self._staff.pool.free:
            seed = int(ctx.random() * 2**53)
            proposals, again = self._rounds.propose(
                room.waits, self._staff.pool, now=self._now, seed=seed, limit=left
            )
            made = self._use(proposals, ctx)
            left -= made
            self._changed = made > 0 and (again or made < len(proposals))
        if left > 0:
            self._changed = False
        self._out += self._rounds.effects
        self._rounds.effects.clear()

    def _use(self, proposals: list[Proposal], ctx: Context) -> int:
        """Turn proposals into offers, up to the first that no longer fits; return how many."""
        for made, proposal in enumerate(proposals):
            contact, agent = proposal.contact, self._staff.pool[proposal.agent]
            if contact.id not in self._room.waits or agent.free < contact.demand.units:
                return made
            self._offer(proposal, ctx)
        return len(proposals)

    def _explain(self, offer: Offer, proposal: Proposal) -> None:
        self._last = offer.facts(self._now)
        self._last |= {"policy": proposal.policy, "seed": proposal.seed}
        self._out.append(Log("offer.made", self._last))

    # --- settings and staff ----------------------------------------------------------------

    def _reconfigure(self, config: OrgConfig) -> None:
        self._org = config
        for agent in self._staff.configure(config):
            self._withdraw_all(agent)
            self._room.forget_preference(agent, self._now)
        self._room.configure(config, self._now)
        self._rounds.configure(config)
        self._changed = self._staff_changed = self._staffing.changed = True

    def _tell_staffed(self) -> None:
        """Tell each queue when the last who serves it has gone, or the first has come."""
        queues = self._org.queues.values()
        for queue, staffed in self._staffing.news(queues, self._staff, self._now):
            self._out.append(Tell(self._to("queue", queue), StaffChanged(staffed=staffed)))

    # --- words -----------------------------------------------------------------------------

    def _start(self, now: float) -> None:
        self._now = now
        if not self._known:
            self._known = True
            self._out.append(Put("known", b"1"))
        self._staffing.start(now)

    def _to(self, kind: str, entity: str) -> Address:
        return Address(kind, self.address.org, entity)  # type: ignore[arg-type]

    def _take_out(self) -> list[Effect]:
        out, self._out = self._out, []
        return out
