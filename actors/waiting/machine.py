"""The queue machine: takes contacts in, tells dispatch who waits, and lets nobody wait for ever.

Hard state: the waiting contacts, and whether the queue is staffed. Soft state: the pace of the
line, what each contact was told of its position, service-level counts, and which episodes are
over (so that a late `Enqueue` does not bring them back; if that is forgotten, the session refuses
the assignment and dispatch drops it).

Invariants:
- A session has at most one contact here, the one of its latest episode seen.
- Every contact that comes is told to dispatch once (`ContactWaiting`), and again on `Announce`;
  every one that leaves other than by `ContactTaken` is told as `ContactGone`, after it. Order per
  receiver is kept, so the last word about an episode is the true one.
- A contact leaves for one reason, which its session is told, unless the session asked itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.addresses import Address
from actors.config import OrgConfig, QueueConfig
from actors.effects import Count, Effect, Put, Tell
from actors.hours import next_opening
from actors.machine import Context
from actors.messages import (
    Announce,
    Command,
    ConfigChanged,
    Contact,
    ContactGone,
    ContactTaken,
    ContactWaiting,
    Enqueue,
    EnqueueRefused,
    GatewayGone,
    LeaveQueue,
    Overflowed,
    QueueTimedOut,
    StaffChanged,
    Tick,
)
from actors.recent import Recent
from actors.waiting import door, limits
from actors.waiting.estimates import Pace, Positions
from actors.waiting.line import Line, Place

OVER_N = 20_000
LOOK_S = 5.0
"""How often a line in which nothing happens looks at its estimates."""


class Queue:
    """One queue. See `actors.machine.Machine`."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self._org = config
        self._dispatch = Address("dispatch", address.org, "main")
        self._line = Line()
        self._alarms = limits.Alarms()
        self._pace = Pace()
        self._positions = Positions()
        self._over: Recent[str, int] = Recent(OVER_N)
        self._staffed = True
        self._served_n = 0
        self._within_n = 0
        self._now = 0.0
        self._out: list[Effect] = []

    @property
    def _config(self) -> QueueConfig | None:
        return self._org.queues.get(self.address.id)

    # --- the machine -----------------------------------------------------------------------

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """See `Machine.restore`."""
        del timeline
        self._line.load(records)
        self._staffed = records.get("staffed", b"1") == b"1"
        self._set_alarms()
        self._positions.changed = len(self._line) > 0

    def recovered(self, ctx: Context) -> list[Effect]:
        """Dispatch has all of it, or is still being told: only the settings may have changed."""
        self._now = ctx.now
        self._reconsider()
        return self._take_out()

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """See `Machine.handle`."""
        self._now = ctx.now
        match command:
            case Enqueue(contact=contact):
                self._enqueue(contact)
            case LeaveQueue():
                self._leave(command)
            case ContactTaken():
                self._taken(command)
            case StaffChanged(staffed=staffed):
                self._staff_changed(staffed)
            case Announce():
                self._out.extend(self._waiting(place) for place in self._line)
            case ConfigChanged(config=config):
                self._reconfigure(config)
            case Tick():
                self._positions.changed = len(self._line) > 0
                self._thin_out()
            case GatewayGone():
                pass
            case _:
                raise TypeError(f"not a queue's command: {type(command).__name__}")
        return self._take_out()

    def settle(self, ctx: Context) -> list[Effect]:
        """Let go whoever's time is over, then push positions."""
        self._now = ctx.now
        for session, episode in self._alarms.due(ctx.now):
            place = self._line.get(session)
            if place is not None and place.contact.episode == episode:
                self._expire(place)
        self._out.extend(self._positions.push(self._line, self.address.org, self._pace, ctx.now))
        return self._take_out()

    def deadline(self) -> float | None:
        """See `Machine.deadline`."""
        if not len(self._line):
            return None
        due = [self._now + LOOK_S, self._alarms.next_at(), self._positions.due_at()]
        return min(at for at in due if at is not None)

    def gateways(self) -> set[str]:
        """No socket is attached to a queue."""
        return set()

    def live(self) -> bool:
        """A configured queue stays in memory: its counts and pace are there."""
        return self._config is not None or len(self._line) > 0

    def summary(self) -> dict[str, object]:
        """Return length, ages, pace and service level, as of the last command."""
        oldest_at, config = self._line.oldest_at(), self._config
        served = self._served_n
        return {
            "queue": self.address.id,
            "name": config.name if config else "",
            "kind": config.kind if config else "",
            "length": len(self._line),
            "oldest_at": oldest_at,
            "oldest_wait_s": 0.0 if oldest_at is None else max(0.0, self._now - oldest_at),
            "interval_s": self._pace.interval_s(self._now),
            "served": served,
            "within_service_level": self._within_n,
            "service_level": self._within_n / served if served else None,
            "staffed": self._staffed,
        }

    # --- in --------------------------------------------------------------------------------

    def _enqueue(self, contact: Contact) -> None:
        config, known = self._config, self._line.get(contact.session)
        over = self._over.get(contact.session)
        if over is not None and over >= contact.episode:
            return
        if known is not None and known.contact.episode >= contact.episode:
            return
        if config is None:
            self._refuse(contact, "unknown_queue")
        elif known is None and limits.is_full(config, len(self._line), requeued=contact.requeued):
            self._refuse(contact, "queue_full")
        elif self._moves_on(contact, config):
            self._let_go(contact, "overflow")
            self._move_on(contact, config)
        elif door.is_closed_to(contact, config, self._now):
            # The bot that hands off takes the message: it knows one word for all such cases.
            self._refuse(contact, "nobody_on_duty" if contact.hand_off else "closed")
        elif door.needs_somebody(contact, config) and not self._is_staffed(config):
            self._refuse(contact, "nobody_on_duty")
        elif door.may_move(contact) and limits.is_too_long(config, self._org, self._eta_s()):
            self._let_go(contact, "overflow")
            self._move_on(contact, config)
        else:
            self._admit(contact, config)

    def _admit(self, contact: Contact, config: QueueConfig) -> None:
        place, put = self._line.put(contact, config, self._now)
        self._alarms.set(place, config, self._org)
        self._positions.changed = True
        self._out += [put, self._waiting(place), Count("enqueued_total", label=self.address.id)]

    def _refuse(self, contact: Contact, reason: str) -> None:
        self._let_go(contact, "refused")
        config, opens_at = self._config, 0.0
        if reason == "closed" and config is not None:
            opens_at = next_opening(config.hours, self._now)
        refused = EnqueueRefused(episode=contact.episode, reason=reason, opens_at=opens_at)
        self._tell(contact, refused)

    # --- out -------------------------------------------------------------------------------

    def _leave(self, command: LeaveQueue) -> None:
        place, session = self._line.get(command.session), command.session
        if place is not None and place.contact.episode <= command.episode:
            self._let_go(place.contact, "left", abandoned=command.abandoned)
        self._over.set(session, max(command.episode, self._over.get(session) or 0))

    def _taken(self, command: ContactTaken) -> None:
        place, session = self._line.get(command.session), command.session
        self._over.set(session, max(command.episode, self._over.get(session) or 0))
        if place is None or place.contact.episode > command.episode:
            return
        self._out.append(self._line.drop(session))
        self._positions.changed = True
        if place.contact.agent or not command.agent:
            return
        self._pace.taken(self._now, left=len(self._line))
        if place.contact.purpose != "consult":
            self._count_answer(max(0.0, self._now - place.since))

    def _count_answer(self, wait_s: float) -> None:
        config = self._config
        self._served_n += 1
        self._within_n += config is not None and wait_s <= config.service_level_s
        self._out.append(Count("answer_seconds", wait_s, self.address.id))

    def _expire(self, place: Place) -> None:
        config, contact = self._config, place.contact
        if config is None:
            self._refuse(contact, "unknown_queue")
        elif limits.times_out_at(place, config) <= self._now:
            self._let_go(contact, "timeout")
            self._tell(contact, QueueTimedOut(episode=contact.episode))
        elif limits.overflows_at(place, config, self._org) <= self._now:
            self._let_go(contact, "overflow")
            self._move_on(contact, config)
        else:
            self._alarms.set(place, config, self._org)

    def _thin_out(self) -> None:
        """Move on those at the end of the line whose estimated wait has become too long."""
        config, interval_s = self._config, self._pace.interval_s(self._now)
        if config is None or interval_s is None or config.overflow_eta_s is None:
            return
        standing = [place.contact for place in self._line if not place.contact.agent]
        for position, contact in enumerate(standing, start=1):
            too_long = limits.is_too_long(config, self._org, interval_s * position)
            if too_long and door.may_move(contact):
                self._let_go(contact, "overflow")
                self._move_on(contact, config)

    def _let_go(self, contact: Contact, reason: str, *, abandoned: bool = False) -> None:
        """The contact leaves unserved (or never came in, but an older one of its session did)."""
        session = contact.session
        self._over.set(session, contact.episode)
        self._out.append(Count("queue_left_total", label=reason))
        if self._line.get(session) is not None:
            self._out.append(self._line.drop(session))
            gone = ContactGone(session=session, episode=contact.episode, abandoned=abandoned)
            self._out.append(Tell(self._dispatch, gone))
            self._positions.changed = True
            if not len(self._line):
                self._pace.emptied()

    def _eta_s(self) -> float | None:
        """The estimated wait of whoever comes next."""
        interval_s = self._pace.interval_s(self._now)
        return None if interval_s is None else interval_s * (len(self._line) + 1)

    def _is_staffed(self, config: QueueConfig) -> bool:
        return self._staffed and limits.staffable(config, self._org)

    def _moves_on(self, contact: Contact, config: QueueConfig) -> bool:
        served = self._is_staffed(config) and not door.is_closed_to(contact, config, self._now)
        return not (served or contact.agent) and limits.overflows_unstaffed(config, self._org)

    def _move_on(self, contact: Contact, config: QueueConfig) -> None:
        if limits.can_overflow(config, self._org):
            assert config.overflow_to is not None
            self._tell(contact, Overflowed(episode=contact.episode, to=config.overflow_to))
        else:
            self._tell(contact, EnqueueRefused(episode=contact.episode, reason="leave_message"))

    # --- change ----------------------------------------------------------------------------

    def _staff_changed(self, staffed: bool) -> None:
        if staffed != self._staffed:
            self._staffed = staffed
            self._out.append(Put("staffed", b"1" if staffed else b"0"))
            self._reconsider()

    def _reconfigure(self, config: OrgConfig) -> None:
        before = self._config
        self._org = config
        self._reconsider()
        after = self._config
        if before is None or after is None or before.priority_points != after.priority_points:
            self._reorder()
        self._set_alarms()

    def _reconsider(self) -> None:
        """Let go whoever can no longer wait here."""
        config = self._config
        for place in self._line:
            if config is None:
                self._refuse(place.contact, "unknown_queue")
            elif self._moves_on(place.contact, config):
                self._let_go(place.contact, "overflow")
                self._move_on(place.contact, config)
            elif door.needs_somebody(place.contact, config) and not self._is_staffed(config):
                self._refuse(place.contact, "nobody_on_duty")

    def _reorder(self) -> None:
        config = self._config
        if config is None:
            return
        for known in self._line:
            place, put = self._line.put(known.contact, config, self._now)
            self._out += [put, self._waiting(place)]
        self._positions.changed = True

    def _set_alarms(self) -> None:
        config = self._config
        self._alarms.clear()
        if config is not None:
            for place in self._line:
                self._alarms.set(place, config, self._org)

    # --- words -----------------------------------------------------------------------------

    def _waiting(self, place: Place) -> Effect:
        command = ContactWaiting(
            contact=place.contact, virtual_at=place.virtual_at, since=place.since
        )
        return Tell(self._dispatch, command)

    def _tell(self, contact: Contact, command: Command) -> None:
        self._out.append(Tell(Address("session", self.address.org, contact.session), command))

    def _take_out(self) -> list[Effect]:
        out, self._out = self._out, []
        return out
