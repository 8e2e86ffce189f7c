"""Gauges of what a host has in memory: Ray's state API cannot see inside a shard."""

from __future__ import annotations

from collections import Counter

from actors.addresses import Kind
from actors.ports import Metrics
from actors.roster import Roster


class Gauges:
    """Sets a kind's gauges; a label that has no entity any more is set to 0 once."""

    def __init__(self, kind: Kind, metrics: Metrics) -> None:
        self._kind = kind
        self._metrics = metrics
        self._labels: set[str] = set()

    def set(self, roster: Roster, inbox: int) -> None:
        """Export entities, inbox, sessions by state, agents by status, queue lengths and waits."""
        self._metrics.set("entities", len(roster), self._kind)
        self._metrics.set("inbox", inbox, self._kind)
        match self._kind:
            case "session":
                self._by("sessions", Counter(str(m.summary().get("state")) for m in roster))
            case "agent":
                self._by("agents", Counter(str(m.summary().get("status")) for m in roster))
            case "queue":
                for machine in roster:
                    summary = machine.summary()
                    queue = machine.address.id
                    self._metrics.set("queue_length", _number(summary.get("length")), queue)
                    oldest = _number(summary.get("oldest_wait_s"))
                    self._metrics.set("queue_oldest_seconds", oldest, queue)
            case "dispatch":
                pass

    def _by(self, name: str, counts: Counter[str]) -> None:
        for label in self._labels - set(counts):
            self._metrics.set(name, 0, label)
        self._labels = set(counts)
        for label, n in counts.items():
            self._metrics.set(name, n, label)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
