"""When the session must be woken, and what is due then. A late tick does what an early one would,
except that a customer always gets the whole warning."""

from __future__ import annotations

from actors.frames import IdleWarning
from actors.session.attempts import waits_served
from actors.session.closing import close, finish
from actors.session.state import State
from actors.session.turn import Turn


def due_at(s: State) -> float | None:
    """Return when the next timer runs out, None if none runs."""
    match s.routing.phase:
        case "waiting":
            return _abandoned_at(s)
        case "serving" if waits_served(s):  # who waits for an agent is not idle
            return _abandoned_at(s)
        case "serving":
            return _idle_at(s)
        case "wrap-up":
            return s.routing.wrap_until
        case _:
            return None


def tick(t: Turn) -> None:
    """Do what is due."""
    due = due_at(t.s)
    if due is None or t.now < due:
        return
    match t.s.routing.phase:
        case "waiting":
            finish(t, "abandoned")
        case "serving" if waits_served(t.s):
            finish(t, "abandoned")
        case "serving" if _warned(t.s):
            finish(t, "idle_customer")
        case "serving":
            _warn(t)
        case _:
            close(t)


def _warn(t: Turn) -> None:
    t.s.warned_at = t.now
    warning = IdleWarning(session=t.s.address.id, closes_at=t.s.closes_at(t.now))
    t.soft(warning, *t.s.room.everyone)


def _abandoned_at(s: State) -> float | None:
    """The customer has no device, and waits."""
    attempt = s.routing.attempt
    if s.room.customers or s.away_since is None or attempt is None:
        return None
    return max(s.away_since, attempt.since) + s.queue().abandon_after_s


def _idle_at(s: State) -> float | None:
    """The agent spoke last, and the customer neither answers nor types."""
    seat, timeline = s.routing.serving, s.timeline
    if seat is None or not timeline.staff_spoke_last or timeline.last_at < seat.since:
        return None
    if s.warned_at is not None and _warned(s):
        return s.closes_at(s.warned_at)
    return max(timeline.last_at, s.typed_at) + s.queue().idle_warn_s


def _warned(s: State) -> bool:
    """The warning stands: nobody wrote since."""
    quiet_since = max(s.timeline.last_at, s.typed_at)
    return s.warned_at is not None and s.warned_at >= quiet_since
