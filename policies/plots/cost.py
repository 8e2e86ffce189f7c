"""Service level against cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policies.plots.canvas import COLOURS, png, quiet
from policies.sim.sweep import Point


def draw_costs(points: Sequence[Point], path: Path) -> None:
    """Write one line per policy through its numbers of agents to a PNG file."""
    policies = list(dict.fromkeys(point.result.policy for point in points))
    with png(path, columns=1) as (axes,):
        for at, policy in enumerate(policies):
            mine = sorted(
                (point for point in points if point.result.policy == policy),
                key=lambda point: point.cost,
            )
            found = [point.result.measure("service_level") for point in mine]
            axes.errorbar(
                [point.cost for point in mine],
                [100 * estimate.value for estimate in found],
                yerr=[50 * (estimate.high - estimate.low) for estimate in found],
                marker="o",
                capsize=3,
                color=COLOURS[at % len(COLOURS)],
                label=policy,
            )
            if at == 0:
                for point, estimate in zip(mine, found, strict=True):
                    axes.annotate(
                        f"{point.agents_n} agents",
                        (point.cost, 100 * estimate.value),
                        textcoords="offset points",
                        xytext=(8, -12),
                        fontsize=8,
                    )
        quiet(axes, "Service level against cost", "cost of a run", "answered in time, per cent")
        axes.margins(x=0.12)
        axes.legend(frameon=False)
