"""What a simulation found: measures over all, by type, by period and by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from policies.arrays import Floats
from policies.sim.estimates import Estimate, difference, ratio
from policies.sim.kernel.floor import Table

MEASURES = {
    "contacts_n": ("arrived_n", ""),
    "blocked": ("blocked_n", "arrived_n"),
    "abandoned": ("abandoned_n", "entered_n"),
    "abandoned_silently": ("silent_n", "entered_n"),
    "waited": ("waited_n", "entered_n"),
    "service_level": ("within_n", "entered_n"),
    "mean_wait_s": ("wait_s", "closed_n"),
    "asa_s": ("answer_s", "served_n"),
    "aht_s": ("handle_s", "served_n"),
    "in_system_s": ("in_system_s", "closed_n"),
    "left_n": ("left_n", ""),
    "solved": ("solved_n", "served_n"),
    "worth": ("worth", "arrived_n"),
}
"""Measure -> sum above and below the line; no sum below: a mean per replication.

`worth` is the expected reward per visit that arrived. Shares and waits are of visits that were not
blocked; the wait of one who gives up counts."""


PERCENTILES = (50, 80, 90, 95, 99)


@dataclass(frozen=True, eq=False)
class Result:
    """One row per replication (R), periods (P) of arrival, types (T), crews (G)."""

    policy: str
    engine: str
    types: list[str]
    crews: list[str]
    """Group of each crew: a group has one crew per shift."""
    period_s: float
    sums: Table
    """(R, P, T) of TALLY."""
    busy_s: Floats
    """(R, G) agent-seconds with at least one contact."""
    load_s: Floats
    """(R, G) unit-seconds held."""
    flows: Floats
    """(R, G, T) contacts served."""
    staffed_s: Floats
    """(G,) agent-seconds on shift between warm-up and the end."""
    capacity: Floats
    """(G,) units an agent holds at once."""
    waits: Floats | None = None
    """(R, T+1, `PERCENTILES`) seconds that so many per cent waited at most, by type and, last, over
    all; None: nobody asked."""

    def _column(self, name: str, kind: str | None, period: int | None) -> Floats:
        if not name:
            return np.ones(len(self.sums))
        chosen = self.sums[name]
        chosen = chosen if kind is None else chosen[:, :, [self.types.index(kind)]]
        chosen = chosen if period is None else chosen[:, [period], :]
        summed: Floats = chosen.sum(axis=(1, 2))
        return summed

    def measure(self, name: str, kind: str | None = None, period: int | None = None) -> Estimate:
        """Estimate one of MEASURES over all visits, or those of one type or period of arrival."""
        above, below = MEASURES[name]
        return ratio(self._column(above, kind, period), self._column(below, kind, period))

    def difference(self, other: Result, name: str, kind: str | None = None) -> Estimate:
        """Estimate this policy's measure less the other's; both must have used the same seed."""
        above, below = MEASURES[name]
        return difference(
            self._column(above, kind, None),
            self._column(below, kind, None),
            other._column(above, kind, None),
            other._column(below, kind, None),
        )

    def occupancy(self, group: str | None = None) -> Estimate:
        """Estimate the share of paid time with at least one contact; overtime can exceed 1."""
        return self._per_staffed(self.busy_s, self.staffed_s, group)

    def utilisation(self, group: str | None = None) -> Estimate:
        """Estimate the share of capacity in use."""
        return self._per_staffed(self.load_s, self.staffed_s * self.capacity, group)

    def _per_staffed(self, spent: Floats, paid: Floats, group: str | None) -> Estimate:
        of = np.array([group in (None, name) for name in self.crews])
        return ratio(spent[:, of].sum(axis=1), np.full(len(spent), paid[of].sum()))

    def wait_percentile(self, percentile: int, kind: str | None = None) -> Estimate:
        """Estimate the wait that so many per cent of visits do not exceed, as `mean_wait_s` counts
        them.

        Raises:
            ValueError: it is none of `PERCENTILES`, or the simulation did not keep waits.
        """
        if self.waits is None or percentile not in PERCENTILES:
            allowed = ", ".join(map(str, PERCENTILES))
            raise ValueError(f"percentile: {percentile}; allowed: {allowed}, with `keep_waits`")
        row = len(self.types) if kind is None else self.types.index(kind)
        found = self.waits[:, row, PERCENTILES.index(percentile)]
        return ratio(found, np.ones(len(found)))

    @property
    def periods_n(self) -> int:
        """Return how many periods the run has."""
        return int(self.sums.shape[1])

    def table(self) -> dict[str, Any]:
        """Return every measure as plain numbers, ready for JSON."""

        def measured(kind: str | None = None, period: int | None = None) -> dict[str, Any]:
            found = {name: self.measure(name, kind, period) for name in MEASURES}
            if self.waits is not None and period is None:
                found |= {f"wait_p{p}_s": self.wait_percentile(p, kind) for p in PERCENTILES}
            return {name: _plain(estimate) for name, estimate in found.items()}

        groups = list(dict.fromkeys(self.crews))
        return {
            "policy": self.policy,
            "engine": self.engine,
            "replications": len(self.sums),
            "total": {
                **measured(),
                "occupancy": _plain(self.occupancy()),
                "utilisation": _plain(self.utilisation()),
            },
            "by_type": {kind: measured(kind) for kind in self.types},
            "by_period": [
                {"from_s": period * self.period_s, **measured(period=period)}
                for period in range(self.periods_n)
            ],
            "by_group": {
                group: {
                    "occupancy": _plain(self.occupancy(group)),
                    "utilisation": _plain(self.utilisation(group)),
                }
                for group in groups
            },
        }


def _plain(estimate: Estimate) -> dict[str, float | None]:
    """Return the estimate for JSON, which has no nan."""
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in estimate._asdict().items()
    }
