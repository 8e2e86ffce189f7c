"""Adapters of the metrics table: Ray's exporter (Prometheus), and plain numbers without Ray.

`add` and `set` only touch a dictionary: Ray's own `inc` costs tens of microseconds, and a message
counts several times. The owner of the process calls `flush` once a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from ray.util import metrics as ray_metrics

from actors.measures import BUCKETS, METRICS, dimensions

PREFIX = "raydesk_"

_Key = tuple[str, str] | tuple[str, str, str]
_COUNTERS = frozenset(name for name, one in METRICS.items() if one.kind == "counter")


class PlainMetrics:
    """`actors.ports.Metrics` in memory. Counters and gauges by (name, label), and by organisation
    where they are an organisation's; a histogram keeps how often each value was seen in its bucket
    since the last `flush`.

    An unknown name is a KeyError: every metric is in the table.
    """

    def __init__(self) -> None:
        self.counts: dict[_Key, float] = {}
        self.gauges: dict[_Key, float] = {}
        self.seen: dict[_Key, list[int]] = {}
        self.sums: dict[_Key, float] = {}

    def add(self, name: str, value: float = 1.0, label: str = "", org: str = "") -> None:
        """Count (counter) or observe (histogram)."""
        key = _key(name, label, org)
        if name in _COUNTERS:
            self.counts[key] = self.counts.get(key, 0.0) + value
            return
        edges = BUCKETS[name]
        seen = self.seen.get(key)
        if seen is None:
            seen = self.seen[key] = [0] * (len(edges) + 1)
        seen[bisect_left(edges, value)] += 1
        self.sums[key] = self.sums.get(key, 0.0) + value

    def set(self, name: str, value: float, label: str = "", org: str = "") -> None:
        """Set a gauge."""
        if METRICS[name].kind != "gauge":
            raise KeyError(f"{name} is not a gauge")
        self.gauges[_key(name, label, org)] = value

    def flush(self) -> None:
        """Keep everything: there is nobody to send it to."""


class RayMetrics(PlainMetrics):
    """Buffers, and gives everything to Ray at `flush`. Needs a connected Ray worker by then.

    `actor` and `tags` are constant labels of this process. Label values must be few: every
    (name, label) is one series.
    """

    def __init__(self, actor: str, tags: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._tags = {"actor": actor, **(tags or {})}
        self._exported: dict[str, ray_metrics.Metric] = {}

    def flush(self) -> None:
        """Hand over what was counted since the last call; failures of Ray are not ours."""
        counts, self.counts = self.counts, {}
        for key, value in counts.items():
            counter = self._metric(key[0])
            if value > 0 and isinstance(counter, ray_metrics.Counter):
                counter.inc(value, _labels(key))
        for key, value in self.gauges.items():
            gauge = self._metric(key[0])
            if isinstance(gauge, ray_metrics.Gauge):
                gauge.set(value, _labels(key))
        seen, self.seen, self.sums = self.seen, {}, {}
        for key, numbers in seen.items():
            self._observe(key, numbers)

    def _observe(self, key: _Key, numbers: list[int]) -> None:
        """Ray takes single observations only: each is given as its bucket's upper edge."""
        histogram = self._metric(key[0])
        if not isinstance(histogram, ray_metrics.Histogram):
            return
        edges, labels = BUCKETS[key[0]], _labels(key)
        for number, upper in zip(numbers, (*edges, edges[-1] * 2), strict=True):
            for _ in range(number):
                histogram.observe(upper, labels)

    def _metric(self, name: str) -> ray_metrics.Metric:
        found = self._exported.get(name)
        if found is None:
            found = self._exported[name] = self._make(name)
            found.set_default_tags(self._tags)
        return found

    def _make(self, name: str) -> ray_metrics.Metric:
        one = METRICS[name]
        keys = (*self._tags, *dimensions(one))
        match one.kind:
            case "counter":
                return ray_metrics.Counter(PREFIX + name, one.help, tag_keys=keys)
            case "gauge":
                return ray_metrics.Gauge(PREFIX + name, one.help, tag_keys=keys)
            case "histogram":
                edges = list(BUCKETS[name])
                return ray_metrics.Histogram(PREFIX + name, one.help, edges, tag_keys=keys)


def _key(name: str, label: str, org: str) -> _Key:
    return (name, label, org) if METRICS[name].org else (name, label)


def _labels(key: _Key) -> dict[str, str]:
    one = METRICS[key[0]]
    whole = {one.label: key[1], "org": key[-1] if one.org else ""}
    return {name: whole[name] for name in dimensions(one)}
