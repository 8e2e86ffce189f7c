"""A scenario turned into the arrays that the engines run on."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from policies.arrays import Floats, Ints
from policies.sim.kernel.floor import (
    CREW,
    FIT,
    KIND,
    SHIFT,
    Centre,
    Prices,
    Small,
    Table,
)
from policies.sim.scenario import DAY_S, ContactType, Group, Scenario, may_serve, needs_of

_NO_LINES = 1 << 60
NO_PRICES = Prices(np.empty((0, 0)), np.empty(0), np.empty(0), np.empty(0))


class Crew(NamedTuple):
    """A group's agents who share their shifts; the engines call this a group."""

    name: str
    group: Group
    agents: int
    spans: list[tuple[float, float]]
    """On duty, within a day; empty: always."""


def crews_of(scenario: Scenario) -> list[Crew]:
    """Return one crew per group, or per shift of a group that has shifts."""
    found = []
    for name, group in scenario.groups.items():
        if group.agents is not None:
            found.append(Crew(name, group, group.agents, []))
        found += [Crew(name, group, shift.agents, shift.spans()) for shift in group.shifts]
    return found


def build_centre(scenario: Scenario) -> Centre:
    """Return the scenario in numbers; crews and types keep the order of the file."""
    crews, types = crews_of(scenario), scenario.types
    can = [[may_serve(n, kind, crew.group) for n, kind in types.items()] for crew in crews]
    table, first = np.zeros(len(crews), dtype=CREW), 0
    for row, crew in enumerate(crews):
        on = not crew.spans or crew.spans[0][0] == 0.0
        table[row] = (first, crew.agents, crew.group.capacity, on)
        first += crew.agents
    return Centre(
        kinds=np.array([_kind(kind) for kind in types.values()], dtype=KIND),
        transfer=_transfers(scenario),
        crews_of=_columns_that_hold(np.array(can).T),
        kinds_of=_columns_that_hold(np.array(can)),
        crews=table,
        pace=_paces(crews),
        fit=np.array([_fits(scenario, crew.group) for crew in crews], dtype=FIT),
        prices=NO_PRICES,
        shifts=_shifts(crews, scenario.length),
        lines=_NO_LINES if scenario.lines is None else scenario.lines,
        warm_up=float(scenario.warm_up),
        length=float(scenario.length),
    )


def _columns_that_hold(truth: Table) -> Small:
    """Return the true columns of each row of a truth table, -1 behind the last."""
    found = np.full((truth.shape[0], truth.shape[1] + 1), -1, dtype=np.int32)
    for row, values in enumerate(truth):
        columns = np.flatnonzero(values)
        found[row, : len(columns)] = columns
    return found


def _kind(kind: ContactType) -> tuple[float, float, float, int, int, float]:
    silent = kind.silent.share if kind.silent else 0.0
    share, most = (kind.retry.share, kind.retry.most) if kind.retry else (0.0, 0)
    return (60.0 * kind.priority_points, silent, share, most, kind.units, kind.reward)


def _fits(scenario: Scenario, group: Group) -> list[tuple[float, float, int, int]]:
    fits = []
    for name, kind in scenario.types.items():
        levels = [group.skills.get(skill, 0) for skill in needs_of(name, kind)]
        mean = kind.handle.mean * group.handle_factor.get(name, 1.0)
        solve = group.solve.get(name, 1.0)
        fits.append((mean, solve, group.priority.get(name, 1), min(levels, default=0)))
    return fits


def _transfers(scenario: Scenario) -> Floats:
    names = list(scenario.types)
    share = np.zeros((len(names), len(names)))
    for row, kind in enumerate(scenario.types.values()):
        for transfer in kind.transfers:
            share[row, names.index(transfer.to)] += transfer.share
    return np.cumsum(share, axis=1)


def _paces(crews: list[Crew]) -> Floats:
    most = max(crew.group.capacity for crew in crews)
    pace = np.zeros((len(crews), most + 1))
    for row, crew in enumerate(crews):
        rates = crew.group.rates
        pace[row, 1:] = [rates[min(n, len(rates)) - 1] / n for n in range(1, most + 1)]
    return pace


def on_spans(spans: list[tuple[float, float]], length: float) -> list[tuple[float, float]]:
    """Return a daily plan over the whole run; spans that touch at midnight become one."""
    joined: list[tuple[float, float]] = []
    for day in range(int(np.ceil(length / DAY_S))):
        for begin, end in spans:
            start, stop = begin + day * DAY_S, end + day * DAY_S
            if joined and joined[-1][1] == start:
                joined[-1] = (joined[-1][0], stop)
            elif start < length:
                joined.append((start, stop))
    return joined


def _shifts(crews: list[Crew], length: float) -> Table:
    """Return every change after the start in order of time, endings before beginnings."""
    changes: list[tuple[float, int, int]] = []
    for number, crew in enumerate(crews):
        for begin, end in on_spans(crew.spans, length):
            if begin > 0.0:
                changes.append((begin, 1, number))
            changes.append((end, 0, number))
    return np.array([(at, crew, on) for at, on, crew in sorted(changes)], dtype=SHIFT)


class RatePlan(NamedTuple):
    """Arrival rates of all types, piecewise constant over the run."""

    edges: Floats
    """(S+1,) seconds."""
    per_s: Floats
    """(S, T)."""
    day: Ints
    """(S,) day that each piece belongs to."""


def rate_plan(scenario: Scenario) -> RatePlan:
    """Return the arrival rates of every type between every two changes of any."""
    length = float(scenario.length)
    days = int(np.ceil(length / DAY_S))
    cuts = {0.0, length}
    for kind in scenario.types.values():
        for day in range(days):
            cuts |= {rate.from_s + day * DAY_S for rate in kind.arrivals}
    edges = sorted(cut for cut in cuts if cut <= length)
    per_s = [
        [_rate_at(scenario, name, begin % DAY_S) for name in scenario.types]
        for begin, _ in pairwise(edges)
    ]
    day_of = [int(begin // DAY_S) for begin, _ in pairwise(edges)]
    return RatePlan(np.array(edges), np.array(per_s), np.array(day_of))


def _rate_at(scenario: Scenario, name: str, clock: float) -> float:
    rates = [rate for rate in scenario.types[name].arrivals if rate.from_s <= clock]
    return rates[-1].per_hour / 3600.0
