"""A switchback experiment in two pictures: its blocks, and how the lift became clear."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from policies.experiments.analysis import Finding, Pairs
from policies.experiments.arms import ARMS
from policies.experiments.design import DAY_S, Design
from policies.experiments.sequential import FEWEST, AlwaysValid
from policies.plots.canvas import COLOURS, png, quiet


def draw_switchback(name: str, design: Design, pairs: Pairs, found: Finding, path: Path) -> None:
    """Write both arms' block means by day, and the always-valid interval by pair, to a PNG file."""
    day = (pairs.completed - design.start) / DAY_S
    with png(path, columns=2) as (blocks, course):
        for values, arm, colour in zip(
            (pairs.control, pairs.treated), ARMS, (COLOURS[-1], COLOURS[1]), strict=True
        ):
            blocks.plot(day, values, "o", color=colour, markersize=3, label=arm)
            mean = float(np.average(values, weights=pairs.weight))
            blocks.axhline(mean, color=colour, linewidth=1)
        quiet(blocks, f"{name}: pairs of blocks", "day of the experiment", "mean reward")
        blocks.legend(frameon=False)
        difference = pairs.treated - pairs.control
        rule, counts = AlwaysValid(len(difference)), np.arange(FEWEST, len(difference) + 1)
        looks = [rule.look(difference[:n]).estimate for n in counts]
        course.fill_between(
            counts,
            [one.low for one in looks],
            [one.high for one in looks],
            color=COLOURS[5],
            alpha=0.4,
            label="holds at every look",
        )
        course.plot(counts, [one.value for one in looks], color=COLOURS[0], label="so far")
        one = found.adjusted
        course.errorbar(
            [len(difference)],
            [one.value],
            yerr=[[one.value - one.low], [one.high - one.value]],
            fmt="o",
            color=COLOURS[1],
            capsize=3,
            label="adjusted, at the end",
        )
        course.axhline(0.0, color="black", linewidth=0.8)
        quiet(course, "Lift per contact", "pairs complete", "lift")
        course.legend(frameon=False)
