"""Positions and estimated waits: what the waiting are told, and how seldom (R4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from actors.addresses import Address
from actors.effects import Effect, Notify
from actors.messages import PositionChanged
from actors.waiting.line import Place

SAMPLES_N = 30
PUSH_S = 1.0
PUSHES_PER_S = 500.0
"""A long line moves all its numbers with every contact served; this bounds what that costs."""
ETA_SHIFT = 0.2
"""An estimate that moved by less than this share alone is not worth a frame."""


class Pace:
    """How fast the line moves: the mean of the last 30 intervals between two contacts taken, of
    those only in which somebody was waiting throughout.

    The person at position n is taken after n more intervals, so the estimated wait is n times the
    mean (the delay history estimator over service starts: Ibrahim and Whitt, "Real-time delay
    estimation based on delay history", M&SOM 11, 2009). While nobody has been taken for longer
    than the mean, the open interval counts as one sample more. Soft state.
    """

    def __init__(self) -> None:
        self._intervals: deque[float] = deque(maxlen=SAMPLES_N)
        self._taken_at: float | None = None

    def taken(self, now: float, *, left: int) -> None:
        """Note that a contact was taken and `left` wait on."""
        if self._taken_at is not None:
            self._intervals.append(now - self._taken_at)
        self._taken_at = now if left else None

    def emptied(self) -> None:
        """Note that the line is empty without anybody having been taken."""
        self._taken_at = None

    def interval_s(self, now: float) -> float | None:
        """Return the expected seconds between two contacts taken, None while unknown."""
        if not self._intervals:
            return None
        total, n = sum(self._intervals), len(self._intervals)
        open_s = now - self._taken_at if self._taken_at is not None else 0.0
        if open_s * n > total:
            total, n = total + open_s, n + 1
        return total / n


class Positions:
    """What each waiting session was told last. Soft: after a restart everybody is told again."""

    def __init__(self) -> None:
        self.changed = False
        self._next_at = 0.0
        self._told: dict[str, tuple[int, int, float]] = {}

    def due_at(self) -> float | None:
        """Return when `push` has something to do, None if never."""
        return self._next_at if self.changed else None

    def push(self, line: Iterable[Place], org: str, pace: Pace, now: float) -> list[Effect]:
        """Notify those whose numbers changed, unless it is too soon.

        Contacts for one named agent stand beside the line: they have no position and take none.
        """
        if not self.changed or now < self._next_at:
            return []
        self.changed = False
        interval_s = pace.interval_s(now)
        told, effects = self._told, list[Effect]()
        self._told = {}
        standing = (place.contact for place in line if not place.contact.agent)
        for position, contact in enumerate(standing, start=1):
            eta_s = -1.0 if interval_s is None else float(round(position * interval_s))
            before = told.get(contact.session)
            if before is not None and _same(before, (contact.episode, position, eta_s)):
                self._told[contact.session] = before
                continue
            self._told[contact.session] = (contact.episode, position, eta_s)
            command = PositionChanged(episode=contact.episode, position=position, eta_s=eta_s)
            effects.append(Notify(Address("session", org, contact.session), command))
        self._next_at = now + max(PUSH_S, len(effects) / PUSHES_PER_S)
        return effects


def _same(before: tuple[int, int, float], after: tuple[int, int, float]) -> bool:
    if before[:2] != after[:2]:
        return False
    return abs(before[2] - after[2]) <= ETA_SHIFT * max(before[2], 1.0)
