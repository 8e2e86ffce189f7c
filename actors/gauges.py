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
        self._labels: set[tuple[str, str]] = set()

    def set(self, roster: Roster, inbox: int) -> None:
        """Export entities, inbox, sessions by state, agents by status, queue lengths and waits."""
        self._metrics.set("entities", len(roster), self._kind)
        self._metrics.set("inbox", inbox, self._kind)
        match self._kind:
            case "session":
                self._by("sessions", "state", roster)
            case "agent":
                self._by("agents", "status", roster)
            case "queue":
                for machine in roster:
                    summary = machine.summary()
                    queue, org = machine.address.id, machine.address.org
                    self._metrics.set("queue_length", _number(summary.get("length")), queue, org)
                    oldest = _number(summary.get("oldest_wait_s"))
                    self._metrics.set("queue_oldest_seconds", oldest, queue, org)
            case "dispatch":
                pass

    def _by(self, name: str, field: str, roster: Roster) -> None:
        """Set how many entities there are of each organisation and value of the field."""
        counts = Counter((str(m.summary().get(field)), m.address.org) for m in roster)
        for label, org in self._labels - set(counts):
            self._metrics.set(name, 0, label, org)
        self._labels = set(counts)
        for (label, org), n in counts.items():
            self._metrics.set(name, n, label, org)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
