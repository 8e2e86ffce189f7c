"""The dice of a replication, thrown before it runs: equal for every policy and both engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, SeedSequence

from policies.arrays import Floats
from policies.sim.centre import RatePlan
from policies.sim.kernel.arrivals import pick_types
from policies.sim.kernel.floor import FATE, KIN, RESERVE, Reserve, Small, Table, Visits
from policies.sim.scenario import DayFactor, Duration, Scenario

RESERVE_N = 4096
_STREAMS = ("days", "arrivals", "types", "work", "patience", "wrap_up", "reserve", "policy")
_LARGEST = np.iinfo(np.uint64).max

Streams = dict[str, Generator]


class Dice(NamedTuple):
    """What chance brings to one replication."""

    fresh: int
    """Visits that arrive from outside; the rows behind them are room for further visits."""
    visits: Visits
    reserve: Reserve
    policy_seed: np.uint64


def throw_dice(
    scenario: Scenario, plan: RatePlan, seed: int, replication: int, spare: float = 0.5
) -> Dice:
    """Return the dice of a replication; `spare` is the room for further visits, as a share.

    Each purpose has its own stream: a change of patience leaves arrivals and work as they were.
    """
    streams = _streams(seed, replication)
    rates = plan.per_s * _day_factors(scenario, plan, streams["days"])
    arrived = _arrival_times(plan.edges, rates.sum(axis=1), streams["arrivals"])
    types = _types(plan.edges, rates, arrived, streams["types"])
    return _thrown(scenario, arrived, types, streams, spare)


def logged_dice(
    scenario: Scenario,
    arrivals: Sequence[tuple[float, str]],
    seed: int,
    replication: int,
    spare: float = 0.5,
) -> Dice:
    """Return dice whose arrivals are given, as (seconds, type) in order; the rest is thrown. Types
    that the scenario has not are left out."""
    number = {name: place for place, name in enumerate(scenario.types)}
    known = [(at, number[name]) for at, name in arrivals if name in number]
    arrived = np.array([at for at, _ in known], dtype=np.float64)
    types = np.array([kind for _, kind in known], dtype=np.int32)
    return _thrown(scenario, arrived, types, _streams(seed, replication), spare)


def _streams(seed: int, replication: int) -> Streams:
    parts = SeedSequence([seed, replication]).spawn(len(_STREAMS))
    return {
        name: Generator(np.random.SFC64(part)) for name, part in zip(_STREAMS, parts, strict=True)
    }


def _thrown(
    scenario: Scenario, arrived: Floats, types: Small, streams: Streams, spare: float
) -> Dice:
    further = has_further_visits(scenario)
    rows = len(arrived) + (int(len(arrived) * spare) + 100 if further else 0)
    visits = Visits(
        type=_padded(types, rows),
        arrived=_padded(arrived, rows),
        aged=_padded(arrived, rows) if further else arrived,
        patience=_padded(_patience(scenario, types, streams["patience"]), rows),
        work=_padded(_work(scenario, types, streams["work"]), rows),
        wrap_up=_padded(_wrap_up(scenario, types, streams["wrap_up"]), rows),
        kin=np.zeros(rows if further else 0, dtype=KIN),
        fate=np.empty(rows, dtype=FATE),
    )
    visits.kin["origin"] = np.arange(len(visits.kin))
    policy_seed = streams["policy"].integers(_LARGEST, dtype=np.uint64)
    return Dice(len(arrived), visits, _reserve(scenario, streams["reserve"]), policy_seed)


def has_further_visits(scenario: Scenario) -> bool:
    """Return whether contacts may come back: by transfer or by trying again."""
    return any(kind.transfers or kind.retry for kind in scenario.types.values())


def _padded(rows: Table, size: int) -> Table:
    """Return the rows with room behind them; arrays without rows stay without."""
    if len(rows) in (0, size):
        return rows
    room = np.empty(size, dtype=rows.dtype)
    room[: len(rows)] = rows
    return room


def _day_factors(scenario: Scenario, plan: RatePlan, rng: Generator) -> Floats:
    """Return (S, T): the random factor of each piece's day, by type."""
    days = int(plan.day.max()) + 1
    factors = np.ones((days, len(scenario.types)))
    for column, kind in enumerate(scenario.types.values()):
        if kind.day_factor is not None:
            factors[:, column] = _factor(kind.day_factor, days, rng)
    return factors[plan.day]


def _factor(factor: DayFactor, days: int, rng: Generator) -> Floats:
    if factor.shape == "gamma":
        return rng.gamma(factor.cv**-2, factor.cv**2, days)
    return _lognormal(factor.cv, days, rng)


def _lognormal(cv: float, n: int, rng: Generator) -> Floats:
    """Return n throws of mean 1."""
    spread = float(np.sqrt(np.log1p(cv**2)))
    return rng.lognormal(-(spread**2) / 2, spread, n)


def _arrival_times(edges: Floats, per_s: Floats, rng: Generator) -> Floats:
    """Return the points of a Poisson process with piecewise constant rate, in order."""
    expected = np.concatenate([[0.0], np.cumsum(per_s * np.diff(edges))])
    total = expected[-1]
    points = np.cumsum(rng.standard_exponential(int(total + 6 * np.sqrt(total)) + 20))
    while points[-1] < total:
        more = np.cumsum(rng.standard_exponential(len(points) // 10 + 20))
        points = np.concatenate([points, points[-1] + more])
    points = points[: np.searchsorted(points, total)]
    if len(per_s) == 1 and total > 0:
        points *= edges[-1] / total
        return points
    return np.interp(points, expected, edges)


def _types(edges: Floats, rates: Floats, arrived: Floats, rng: Generator) -> Small:
    """Return the type of each arrival: by lot, in proportion to the rates of its instant."""
    types = np.zeros(len(arrived), dtype=np.int32)
    if rates.shape[1] > 1:
        pick_types(edges, np.cumsum(rates, axis=1), arrived, rng.random(len(arrived)), types)
    return types


def draw(duration: Duration, n: int, rng: Generator) -> Floats:
    """Return n durations divided by their mean."""
    if duration.shape == "exponential":
        return rng.standard_exponential(n)
    if duration.shape == "gamma":
        return rng.standard_gamma(duration.cv**-2, n) * duration.cv**2
    if duration.shape == "lognormal":
        return _lognormal(duration.cv, n, rng)
    if duration.shape == "empirical":
        samples = np.array(duration.samples_s, dtype=np.float64)
        return rng.choice(samples / samples.mean(), n)
    return np.ones(n)


def _drawn(durations: list[Duration | None], types: Small, rng: Generator) -> Floats:
    """Return a duration over its mean for every visit; types of one shape share their throws."""
    shapes = [d and d.model_copy(update={"mean_s": None}) for d in durations]
    if shapes[0] is not None and all(shape == shapes[0] for shape in shapes):
        return draw(shapes[0], len(types), rng)
    drawn = np.zeros(len(types))
    for number, shape in enumerate(shapes):
        of_type = np.flatnonzero(types == number)
        if shape is not None:
            drawn[of_type] = draw(shape, len(of_type), rng)
    return drawn


def _work(scenario: Scenario, types: Small, rng: Generator) -> Floats:
    return _drawn([kind.handle for kind in scenario.types.values()], types, rng)


def _scaled(durations: list[Duration | None], types: Small, rng: Generator, never: float) -> Floats:
    """Return seconds for every visit, `never` for types without; no rows when all are."""
    if not any(durations):
        return np.empty(0)
    drawn = _drawn(durations, types, rng)
    means = np.array([d.mean if d else 0.0 for d in durations])
    drawn *= means[types] if len(means) > 1 else means[0]
    without = np.array([d is None for d in durations])
    if without.any():
        drawn[without[types]] = never
    return drawn


def _patience(scenario: Scenario, types: Small, rng: Generator) -> Floats:
    return _scaled([kind.patience for kind in scenario.types.values()], types, rng, np.inf)


def _wrap_up(scenario: Scenario, types: Small, rng: Generator) -> Floats:
    return _scaled([kind.wrap_up for kind in scenario.types.values()], types, rng, 0.0)


def _reserve(scenario: Scenario, rng: Generator) -> Reserve:
    """Return the dice that further visits and silent abandonments find by hash."""
    kinds = list(scenario.types.values())
    needed = has_further_visits(scenario) or any(kind.silent for kind in kinds)
    n = RESERVE_N if needed else 1

    table = np.empty((len(kinds), n), dtype=RESERVE)
    for row, kind in enumerate(kinds):
        table[row]["work"] = draw(kind.handle, n, rng)
        table[row]["patience"] = _seconds(kind.patience, n, rng, np.inf)
        table[row]["wrap_up"] = _seconds(kind.wrap_up, n, rng, 0.0)
        table[row]["notice"] = _seconds(kind.silent.notice if kind.silent else None, n, rng, 0.0)
        table[row]["delay"] = _seconds(kind.retry.after if kind.retry else None, n, rng, 0.0)
    return Reserve(table, rng.integers(_LARGEST, dtype=np.uint64))


def _seconds(duration: Duration | None, n: int, rng: Generator, never: float) -> Floats:
    return np.full(n, never) if duration is None else draw(duration, n, rng) * duration.mean
