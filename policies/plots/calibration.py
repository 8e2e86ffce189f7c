"""Does a model mean what it says: predicted against observed, bin by bin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from policies.learned.card import Card, Quality
from policies.plots.canvas import COLOURS, png, quiet

_UNITS = {"handle_s": "seconds", "solved": "chance", "rating": "stars"}


def draw_calibration(card: Card, path: Path) -> None:
    """Write one picture per target that has test outcomes to a PNG file.

    Raises:
        ValueError: no target has any.
    """
    shown = {target: quality for target, quality in card.targets.items() if quality.calibration}
    if not shown:
        raise ValueError("calibration: no target has test outcomes")
    with png(path, columns=len(shown)) as pictures:
        for axes, (target, quality) in zip(pictures, shown.items(), strict=True):
            _draw(axes, target, quality)


def _draw(axes: Axes, target: str, quality: Quality) -> None:
    predicted = np.array([b.predicted for b in quality.calibration])
    observed = np.array([b.observed for b in quality.calibration])
    n = np.array([b.n for b in quality.calibration])
    edges = [min(predicted.min(), observed.min()), max(predicted.max(), observed.max())]
    axes.plot(edges, edges, color="#999999", linewidth=1, linestyle="--", label="as predicted")
    error = None
    if target == "solved":
        error = 1.96 * np.sqrt(np.clip(observed * (1 - observed), 1e-9, None) / n)
    axes.errorbar(
        predicted, observed, yerr=error, fmt="o-", capsize=3, color=COLOURS[0], label="observed"
    )
    unit = _UNITS.get(target, "")
    quiet(
        axes, f"{target}: {quality.n:,} later outcomes", f"predicted, {unit}", f"observed, {unit}"
    )
    axes.legend(frameon=False)
