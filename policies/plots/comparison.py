"""Policies side by side, on the same contacts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from policies.plots.canvas import COLOURS, png, quiet
from policies.sim.results import Result

_PICTURES = (
    ("mean_wait_s", "Mean wait", "seconds", 1.0),
    ("service_level", "Answered in time", "per cent", 100.0),
    ("abandoned", "Abandoned", "per cent", 100.0),
)


def draw_comparison(results: Sequence[Result], path: Path) -> None:
    """Write how several policies differ from the first, on the same contacts, to a PNG file."""
    first = results[0]
    with png(path, columns=3, height=1.6 + 0.4 * len(results)) as pictures:
        for axes, (measure, title, unit, scale) in zip(pictures, _PICTURES, strict=True):
            draw_differences(axes, results, measure, scale)
            found = scale * first.measure(measure).value
            quiet(axes, f"{title}: {first.policy} {found:.3g} {unit}", f"difference, {unit}", "")
            axes.grid(axis="x", color="#dddddd", linewidth=0.8)


def draw_differences(axes: Axes, results: Sequence[Result], measure: str, scale: float) -> None:
    """Draw one row per policy: its difference from the first, with its confidence interval."""
    axes.axvline(0.0, color="#333333", linewidth=1)
    for row, result in enumerate(results):
        found = result.difference(results[0], measure)
        axes.errorbar(
            scale * found.value,
            row,
            xerr=scale * (found.high - found.low) / 2,
            fmt="o",
            capsize=4,
            color=COLOURS[row % len(COLOURS)],
        )
    axes.set_yticks(range(len(results)), [result.policy for result in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
