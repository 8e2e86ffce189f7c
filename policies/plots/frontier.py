"""A search's trials, and the frontier that no trial beats in everything."""

from __future__ import annotations

from pathlib import Path

from policies.plots.canvas import COLOURS, png, quiet
from policies.tuning.search import Search
from policies.tuning.trial import Objective


def draw_frontier(found: Search, path: Path) -> None:
    """Write a picture of each objective against the first to a PNG file.

    With one objective alone: against the order of the trials.
    """
    first, others = found.task.objectives[0], found.task.objectives[1:]
    frontier = found.frontier()
    with png(path, columns=max(1, len(others))) as pictures:
        for axes, other in zip(pictures, others or [None], strict=True):
            y = [trial.estimate(first.name).value for trial in found.trials]
            x = [float(n) for n in range(1, len(y) + 1)]
            if other is not None:
                x = [trial.estimate(other.name).value for trial in found.trials]
            axes.plot(x, y, "o", color=COLOURS[5], markersize=4, label="trials")
            best = sorted(frontier, key=lambda at: x[at])
            axes.plot(
                [x[at] for at in best],
                [y[at] for at in best],
                "o-",
                color=COLOURS[1],
                label="frontier" if other is not None else "best",
            )
            axes.plot([x[0]], [y[0]], "s", color=COLOURS[-1], markersize=8, label="usual knobs")
            across = _named(other) if other is not None else "trial"
            quiet(axes, f"{found.task.policy}: {len(found.trials)} trials", across, _named(first))
            axes.legend(frameon=False)


def _named(objective: Objective) -> str:
    way = "more is better" if objective.maximise else "less is better"
    return f"{objective.name} ({way})"
