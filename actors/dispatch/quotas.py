"""Quotas: how many contacts of a queue an agent has accepted today, where a queue sets a limit.

Hard state: one record per agent and queue, of the day that it is about. A day is a date where the
queue is: in the time zone of its hours, else in UTC.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from actors.config import OrgConfig, QueueConfig
from actors.effects import Drop, Effect, Put

QUOTA = "quota:"


class Used(msgspec.Struct, frozen=True, array_like=True):
    """Contacts accepted on a day."""

    agent: str
    queue: str
    day: str
    n: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Used).decode


class Quotas:
    """Counts of the queues that have a quota; of others nothing is kept."""

    def __init__(self, config: OrgConfig) -> None:
        self._used: dict[tuple[str, str], Used] = {}
        self.configure(config)

    def configure(self, config: OrgConfig) -> None:
        """Take over new settings."""
        limited = [queue for queue in config.queues.values() if queue.quota_per_day is not None]
        self._limits = {queue.id: queue.quota_per_day or 0 for queue in limited}
        self._zones = {queue.id: _zone_of(queue) for queue in limited}
        self._midnight = 0.0 if limited else None
        """When counts may have to be forgotten next."""

    def load(self, records: dict[str, bytes]) -> None:
        """Take over what was put."""
        for field, value in records.items():
            if field.startswith(QUOTA):
                used = _decode(value)
                self._used[used.agent, used.queue] = used

    def left(self, agent: str) -> dict[str, int]:
        """Return how many more contacts of each queue with a quota the agent may accept today."""
        found = {}
        for queue, limit in self._limits.items():
            used = self._used.get((agent, queue))
            found[queue] = limit - (0 if used is None else used.n)
        return found

    def accepted(self, agent: str, queue: str, now: float) -> list[Effect]:
        """Count a contact."""
        return self._add(agent, queue, now, 1)

    def given_back(self, agent: str, queue: str, now: float) -> list[Effect]:
        """Count one less: the assignment failed."""
        return self._add(agent, queue, now, -1)

    def next_at(self) -> float | None:
        """Return when `turn_over` may have something to do, None if never."""
        return self._midnight if self._used else None

    def turn_over(self, now: float) -> tuple[set[str], list[Effect]]:
        """Forget the counts of days that are over; return whose they were."""
        if self._midnight is None or now < self._midnight:
            return set(), []
        self._midnight = min(_midnight_after(now, zone) for zone in self._zones.values())
        over = [used for used in self._used.values() if used.day != self._day(used.queue, now)]
        for used in over:
            del self._used[used.agent, used.queue]
        return {one.agent for one in over}, [Drop(_field(one.agent, one.queue)) for one in over]

    def _add(self, agent: str, queue: str, now: float, n: int) -> list[Effect]:
        if queue not in self._limits:
            return []
        day, known = self._day(queue, now), self._used.get((agent, queue))
        before = known.n if known is not None and known.day == day else 0
        used = self._used[agent, queue] = Used(agent, queue, day, max(0, before + n))
        return [Put(_field(agent, queue), _encode(used))]

    def _day(self, queue: str, now: float) -> str:
        zone = self._zones.get(queue)
        return "" if zone is None else datetime.fromtimestamp(now, zone).date().isoformat()


def _field(agent: str, queue: str) -> str:
    return f"{QUOTA}{queue}/{agent}"


def _zone_of(queue: QueueConfig) -> ZoneInfo:
    return ZoneInfo(queue.hours.time_zone if queue.hours is not None else "UTC")


def _midnight_after(now: float, zone: ZoneInfo) -> float:
    tomorrow = datetime.fromtimestamp(now, zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).timestamp()
