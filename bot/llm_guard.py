"""How much a language model may cost, and when it is left alone: pure, time is an argument."""

from __future__ import annotations

import msgspec

FAILURES_N = 3
OPEN_S = 30.0
DAY_S = 86_400.0
MINUTE_S = 60.0


class Breaker:
    """A circuit breaker: after some failures in a row nobody is sent there for a while; then one
    try decides. Source: M. Nygard, Release It! (2007)."""

    def __init__(self, failures_n: int = FAILURES_N, open_s: float = OPEN_S) -> None:
        self._failures_n = failures_n
        self._open_s = open_s
        self._failed_n = 0
        self._open_until = 0.0
        self._trying = False

    def allows(self, now: float) -> bool:
        """Tell whether to try now; a yes after an outage is given to one caller only."""
        if self._failed_n < self._failures_n:
            return True
        if self._trying or now < self._open_until:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """A try went well: all is forgotten."""
        self._failed_n, self._trying = 0, False

    def failed(self, now: float) -> None:
        """A try failed."""
        self._failed_n += 1
        self._trying = False
        self._open_until = now + self._open_s

    def given_up(self) -> None:
        """A try was cancelled: it says nothing."""
        self._trying = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one organisation may spend."""

    answers_per_minute: int = 60
    characters_per_day: int = 4_000_000
    """Sent and received; four are about one token."""


class Budget:
    """What each organisation has spent, by the minute and by the day."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._spent: dict[tuple[str, str, int], int] = {}

    def allows(self, org: str, now: float) -> bool:
        """Tell whether the organisation may ask once more, and count the asking."""
        minute, day = self._keys(org, now)
        if self._spent.get(minute, 0) >= self._limits.answers_per_minute:
            return False
        if self._spent.get(day, 0) >= self._limits.characters_per_day:
            return False
        self._spent[minute] = self._spent.get(minute, 0) + 1
        return True

    def spend(self, org: str, characters: int, now: float) -> None:
        """Count what was sent and received; forget what is over."""
        minute, day = self._keys(org, now)
        self._spent[day] = self._spent.get(day, 0) + characters
        over = [key for key in self._spent if key[0] == org and key not in (minute, day)]
        for key in over:
            del self._spent[key]

    def _keys(self, org: str, now: float) -> tuple[tuple[str, str, int], tuple[str, str, int]]:
        return (org, "minute", int(now // MINUTE_S)), (org, "day", int(now // DAY_S))
