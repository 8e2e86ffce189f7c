"""What every picture shares: colours that the colour-blind tell apart, a quiet frame, a PNG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")
"""Okabe and Ito's palette."""
FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "SimHei", "PingFang SC"]
"""The first that has a letter draws it: names of types may be Chinese."""


@contextmanager
def png(path: Path, columns: int, rows: int = 1, height: float = 4.6) -> Iterator[list[Axes]]:
    """Yield axes to draw on, left to right, top to bottom; write them to `path`.

    Raises:
        ValueError: the file is not named like a PNG.
    """
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: allowed: a file that ends in .png")
    there = set(font_manager.get_font_names())
    with rc_context({"font.family": [font for font in FONTS if font in there]}):
        yield from _drawn(path, columns, rows, height)


def _drawn(path: Path, columns: int, rows: int, height: float) -> Iterator[list[Axes]]:
    figure = Figure(figsize=(6.4 * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, columns, at + 1) for at in range(columns * rows)]
    yield axes
    figure.savefig(path, dpi=110)


def quiet(axes: Axes, title: str, x: str, y: str) -> None:
    """Name the picture and its axes, and take away what says nothing."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
