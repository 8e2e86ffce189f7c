"""Latencies counted in buckets 1 % wide: constant memory, mergeable over processes."""

from __future__ import annotations

import math
from collections import Counter

_PER_E = 100.0
"""Buckets per factor e: each is 1 % wider than the one below, so a percentile is 0.5 % exact."""
_SMALLEST_S = 1e-6


class Histogram:
    """Counts of durations in seconds. After HdrHistogram (G. Tene)."""

    def __init__(self, counts: dict[int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter(counts or {})

    def add(self, seconds: float) -> None:
        """Count one duration; below a microsecond counts as one."""
        self.counts[int(_PER_E * math.log(max(seconds, _SMALLEST_S) / _SMALLEST_S))] += 1

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts."""
        self.counts.update(other.counts)

    @property
    def n(self) -> int:
        """How many durations were counted."""
        return self.counts.total()

    def percentile(self, p: float) -> float:
        """Return the duration in seconds that a share `p` (0-100) stays at or under; 0 if empty."""
        rank, seen = math.ceil(self.n * p / 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return _SMALLEST_S * math.exp((bucket + 0.5) / _PER_E)
        return 0.0

    def summary_ms(self) -> dict[str, float]:
        """Return `p50`, `p90`, `p99`, `p999` and `max` in milliseconds."""
        points = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "max": 100.0}
        return {name: round(self.percentile(p) * 1000, 3) for name, p in points.items()}
