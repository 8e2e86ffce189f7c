"""Estimates of a policy's value side by side, with their intervals."""

from __future__ import annotations

from pathlib import Path

from policies.offline.evaluation import Evaluation
from policies.plots.canvas import COLOURS, png, quiet


def draw_evaluation(found: Evaluation, target: str, reward: str, path: Path) -> None:
    """Write every estimate and the log's own mean to a PNG file."""
    rows = {"what was done": found.logged, **found.estimates}
    with png(path, columns=1, height=4.0) as (axes,):
        for at, one in enumerate(rows.values()):
            colour = COLOURS[-1] if at == 0 else COLOURS[0]
            axes.plot([one.low, one.high], [at, at], color=colour, linewidth=2)
            axes.plot([one.value], [at], "o", color=colour)
            axes.annotate(
                f"{one.value:.3f}",
                (one.value, at),
                textcoords="offset points",
                xytext=(0, 7),
                ha="center",
                fontsize=8,
            )
        axes.axvline(found.logged.value, color=COLOURS[-1], linewidth=0.8, linestyle=":")
        seen = found.diagnostics
        size = f"effective sample size {seen.effective_n:,.0f} of {seen.decisions_n:,}"
        quiet(axes, f"{reward} under {target}", f"{reward}, 95 % intervals; {size}", "")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.4, -0.7)
        axes.margins(x=0.08)
