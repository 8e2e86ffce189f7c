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
from actors.dispatch import offers
from actors.dispatch.deciding import Deciding
from actors.dispatch.state import State
from actors.effects import Effect, Put
from actors.machine import Context
from actors.messages import (
    AgentChanged,
    Announce,
    AssignRefused,
    Command,
    ConfigChanged,
    ContactGone,
    ContactTaken,
    ContactWaiting,
    GatewayGone,
    OfferAnswered,
    Release,
    ScoresTold,
    StaffChanged,
    Tick,
)


class Dispatch:
    """The dispatch of one organisation. See `actors.machine.Machine`."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self._s = State(address, config)
        self._deciding = Deciding(address.org, config)
        self._known = False
        """A record exists, so that a restart asks everybody again."""

    # --- the machine -----------------------------------------------------------------------

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """See `Machine.restore`."""
        del timeline
        s = self._s
        self._known = bool(records)
        s.ledger.load(records)
        s.quotas.load(records)
        for offer in s.ledger.offers.values():
            s.room.put_offered(offer)
        s.staff.configure(s.org)

    def recovered(self, ctx: Context) -> list[Effect]:
        """Ask every queue and agent for what was only in memory."""
        self._start(ctx.now)
        for queue in self._s.org.queues:
            self._s.tell("queue", queue, Announce())
        for agent in self._s.org.agents:
            self._s.tell("agent", agent, Announce())
        return self._s.take_out()

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """See `Machine.handle`."""
        self._start(ctx.now)
        match command:
            case ContactWaiting():
                self._wait(command)
            case ContactGone():
                self._gone(command)
            case AgentChanged():
                self._agent_changed(command)
            case OfferAnswered():
                offers.answered(self._s, command)
            case AssignRefused():
                offers.assign_refused(self._s, command)
            case Release():
                offers.release(self._s, command)
            case ConfigChanged(config=config):
                self._reconfigure(config)
            case ScoresTold(request=request, scores=scores):
                if self._deciding.board.told(request, scores, ctx.now):
                    self._s.change("ScoresTold")
            case Tick() | GatewayGone():
                pass
            case _:
                raise TypeError(f"not a dispatch's command: {type(command).__name__}")
        return self._s.take_out()

    def settle(self, ctx: Context) -> list[Effect]:
        """End overdue offers, then run rounds until nothing more can be matched."""
        self._start(ctx.now)
        s = self._s
        offers.expire(s)
        self._new_day()
        if s.staff_changed:
            s.staff_changed = False
            s.room.ask_again(s.now)
        overdue = self._deciding.board.expire(s.now)
        if s.room.advance(s.now) or overdue or self._looks_again():
            s.change("Tick")
        if s.changed:
            self._deciding.run(s, ctx)
        self._tell_staffed()
        return s.take_out()

    def deadline(self) -> float | None:
        """See `Machine.deadline`."""
        s = self._s
        due = [
            s.now if s.changed else None,
            s.ledger.next_deadline(),
            s.room.next_at(),
            s.quotas.next_at(),
            s.staffing.due_at(),
            self._deciding.again_at,
            self._deciding.board.next_at(),
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
        s, pool = self._s, self._s.staff.pool
        return {
            "dispatch": self.address.id,
            "waiting": len(s.room.waits),
            "offers": len(s.ledger.offers),
            "held": len(s.ledger.holds),
            "free_agents": len(pool.free),
            "agents": dict(Counter(pool[agent].status for agent in pool)),
            "last_decision": self._deciding.last,
        }

    # --- who waits -------------------------------------------------------------------------

    def _wait(self, command: ContactWaiting) -> None:
        s, contact = self._s, command.contact
        session, episode = contact.session, contact.episode
        if s.is_over(session, episode):
            taken = ContactTaken(session=session, episode=episode, agent="")
            s.tell("queue", contact.queue, taken)
            return
        known = s.room.get(session)
        if known is not None and known.contact.episode > episode:
            return
        if known is not None and known.contact.episode < episode:
            offers.withdraw(s, session)
        s.room.put(contact, command.virtual_at, s.now, command.since)
        s.change("ContactWaiting")

    def _gone(self, command: ContactGone) -> None:
        s, session, episode = self._s, command.session, command.episode
        s.close(session, episode)
        known = s.room.get(session)
        if known is not None and known.contact.episode <= episode:
            offers.withdraw(s, session)
            s.room.remove(session)
            offers.tell_of_holding(s, known.contact, abandoned=command.abandoned)

    # --- agents and settings ---------------------------------------------------------------

    def _agent_changed(self, command: AgentChanged) -> None:
        s, agent = self._s, command.agent
        before = s.staff.status(agent)
        if not s.staff.heard(command):
            return
        # An agent that was never heard of counts as offline, as it does in the pool.
        if (before in (None, "offline")) != (command.status == "offline"):
            s.staffing.changed = True
        if command.status != "available":
            offers.withdraw_all(s, agent)
        if command.status == "offline":
            s.room.forget_preference(agent, s.now)
        s.staff_changed = True
        s.change("AgentChanged")

    def _reconfigure(self, config: OrgConfig) -> None:
        s = self._s
        s.org = config
        s.quotas.configure(config)
        for agent in s.staff.configure(config):
            offers.withdraw_all(s, agent)
            s.room.forget_preference(agent, s.now)
        s.room.configure(config, s.now)
        self._deciding.configure(config)
        s.staff_changed = s.staffing.changed = True
        s.change("ConfigChanged")

    def _tell_staffed(self) -> None:
        """Tell each queue when the last who serves it has gone, or the first has come."""
        s = self._s
        for queue, staffed in s.staffing.news(s.org.queues.values(), s.staff, s.now):
            s.tell("queue", queue, StaffChanged(staffed=staffed))

    def _new_day(self) -> None:
        """Somewhere it is midnight: quotas begin anew."""
        s = self._s
        agents, effects = s.quotas.turn_over(s.now)
        s.out += effects
        for agent in agents:
            s.staff.refresh(agent)
        if agents:
            s.staff_changed = True
            s.change("Tick")

    def _looks_again(self) -> bool:
        at = self._deciding.again_at
        return at is not None and self._s.now >= at

    def _start(self, now: float) -> None:
        s = self._s
        s.now = now
        if not self._known:
            self._known = True
            s.out.append(Put("known", b"1"))
        s.staffing.start(now)
