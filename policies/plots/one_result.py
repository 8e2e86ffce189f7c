"""One result in three pictures: waits by hour, service level by hour, who serves what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from policies.plots.canvas import COLOURS, png, quiet
from policies.sim.results import Result
from policies.sim.scenario import Scenario


def draw_result(result: Result, scenario: Scenario, path: Path) -> None:
    """Write the pictures of a simulation to a PNG file."""
    with png(path, columns=3) as (waits, levels, graph):
        draw_by_hour(waits, result, "mean_wait_s")
        quiet(waits, f"Mean wait by hour of arrival, {result.policy}", "hour", "seconds")
        draw_by_hour(levels, result, "service_level", scale=100.0)
        quiet(levels, f"Answered in time by hour, {result.policy}", "hour", "per cent")
        levels.set_ylim(0, 102)
        draw_skills(graph, result, scenario)


def draw_by_hour(axes: Axes, result: Result, measure: str, *, scale: float = 1.0) -> None:
    """Draw a measure of each type by period of arrival, with its confidence band."""
    starts = np.arange(result.periods_n) * result.period_s / 3600
    middle = starts + result.period_s / 7200
    for at, kind in enumerate(result.types):
        found = [result.measure(measure, kind, period) for period in range(result.periods_n)]
        values = scale * np.array([(e.value, e.low, e.high) for e in found])
        colour = COLOURS[at % len(COLOURS)]
        axes.plot(middle, values[:, 0], color=colour, marker="o", markersize=3, label=kind)
        axes.fill_between(middle, values[:, 1], values[:, 2], color=colour, alpha=0.2, linewidth=0)
    axes.set_xlim(0, result.periods_n * result.period_s / 3600)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 4, 6, 10], integer=True))
    axes.legend(frameon=False)


def draw_skills(axes: Axes, result: Result, scenario: Scenario) -> None:
    """Draw types left, groups right, and between them lines as wide as the contacts served."""
    groups = list(dict.fromkeys(result.crews))
    served = result.flows.mean(axis=0)
    flow = np.array(
        [served[[name == group for name in result.crews]].sum(axis=0) for group in groups]
    )
    left = _places(len(result.types))
    right = _places(len(groups))
    widest = max(float(flow.max()), 1.0)
    for row in range(len(groups)):
        for column in range(len(result.types)):
            if flow[row, column] > 0:
                axes.plot(
                    [0, 1],
                    [left[column], right[row]],
                    color=COLOURS[column % len(COLOURS)],
                    linewidth=0.4 + 9 * flow[row, column] / widest,
                    alpha=0.55,
                    solid_capstyle="butt",
                )
    for at, kind in enumerate(result.types):
        label = f"{kind}\n{flow[:, at].sum():,.0f} served"
        axes.text(-0.04, left[at], label, ha="right", va="center", fontsize=9)
    size = 9 if len(groups) <= 12 else 6
    for at, group in enumerate(groups):
        busy = 100 * result.occupancy(group).value
        agents = _agents(scenario, group)
        label = f"{group}: {agents} agents, busy {busy:.0f} %"
        axes.text(1.04, right[at], label, ha="left", va="center", fontsize=size)
    axes.set_xlim(-0.5, 1.9)
    axes.set_ylim(-0.08, 1.08)
    axes.axis("off")
    axes.set_title("Who serves what (mean of a run)", loc="left", fontsize=11)


def _places(n: int) -> list[float]:
    return [0.5] if n == 1 else [1 - at / (n - 1) for at in range(n)]


def _agents(scenario: Scenario, group: str) -> int:
    given = scenario.groups[group]
    return (given.agents or 0) + sum(shift.agents for shift in given.shifts)
