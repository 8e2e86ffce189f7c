"""One agent at work in the engine for Python policies."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from policies.view import AgentView


@dataclass(slots=True)
class Held:
    """A contact that an agent holds: the work left in seconds, and whether it is wrap-up."""

    visit: int
    left: float
    units: int
    wrap: bool = False


class Desk:
    """What an agent holds, how fast it works, and how a policy sees it."""

    def __init__(
        self, number: int, crew: int, view: AgentView, pace: list[float], span: tuple[float, float]
    ) -> None:
        self.number, self.crew, self.view = number, crew, view
        self.held: list[Held] = []
        self.busy_s = self.load_s = 0.0
        self.version = 0
        """Changes whenever a noted completion stops being true."""
        self._pace, self._span, self._touched = pace, span, 0.0

    def work_until(self, now: float) -> None:
        """Let the agent have worked until `now`, and account for the time."""
        since, self._touched = self._touched, now
        n = len(self.held)
        if n == 0:
            return
        done = (now - since) * self._pace[n]
        for held in self.held:
            held.left -= done
        counted = min(now, self._span[1]) - max(since, self._span[0])
        if counted > 0.0:
            self.busy_s += counted
            self.load_s += counted * self.view.used

    def next_completion(self, now: float) -> float:
        """Return when the least work left is done if nothing changes; infinity when idle."""
        self.version += 1
        n = len(self.held)
        if n == 0:
            return float("inf")
        least = min(held.left for held in self.held)
        return now + max(least, 0.0) / self._pace[n]

    def first_done(self) -> Held:
        """Return what has the least work left; the older of equals."""
        return min(self.held, key=lambda held: held.left)

    def begin(self, held: Held, now: float) -> None:
        """Take a contact."""
        self.work_until(now)
        self.held.append(held)
        self.view = self.view.loaded(held.units, now)

    def release(self, held: Held, now: float) -> None:
        """Give back the capacity of a contact that is over."""
        self.held.remove(held)
        self.view = msgspec.structs.replace(
            self.view,
            used=self.view.used - held.units,
            contacts_n=self.view.contacts_n - 1,
            idle_since=now,
        )

    def turn(self, *, on: bool, now: float) -> None:
        """Begin or end the shift; contacts held are finished in any case."""
        status = "available" if on else "offline"
        self.view = msgspec.structs.replace(self.view, status=status, idle_since=now)
