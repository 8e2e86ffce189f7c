"""Further centres with exact answers: general handle times, priority, retrials, silence, clocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from policies.sim import Estimate, simulate
from policies.sim.simulation import Engine
from policies.theory import many_servers, solve_chain
from tests.unit.policies_sim.known_centres import both_engines, one_type, scenario

SIZE = {"compiled": 40_000.0, "python": 1_000.0}
SEED = 7  # any will do: over 30 seeds such estimates were off by 0 +- 1 standard errors
RUNS = {"compiled": 30, "python": 12}
Silent = tuple[int, tuple[bool, ...]]
"""What the agent does, and who waits: True is still there."""
pytestmark = both_engines


def agrees(found: Estimate, exact: float) -> None:
    """Check that the estimate is within three standard errors, and not vague."""
    assert found.se < 0.5 * abs(exact), f"{found} is too vague to judge {exact}"
    assert abs(found.value - exact) <= 3 * found.se, f"{found} is not {exact} (se {found.se})"


@pytest.mark.parametrize(
    ("handle", "cv"),
    [
        ({"shape": "lognormal", "mean_s": 60, "cv": 1.4}, 1.4),
        ({"shape": "gamma", "mean_s": 60, "cv": 0.5}, 0.5),
        ({"shape": "empirical", "samples_s": [30, 90]}, 0.5),
        ({"shape": "fixed", "mean_s": 60}, 0.0),
    ],
)
def test_one_agent_waits_as_pollaczek_and_khinchine_say(
    handle: dict[str, Any], cv: float, engine: Engine
) -> None:
    load = 0.7
    kind = {"arrivals": {"per_hour": 3600 * load / 60}, "handle": handle}
    groups = {"all": {"agents": 1, "skills": {"help": 1}}}
    centre = scenario({"help": kind}, groups, length=SIZE[engine] * 60 / load)

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("mean_wait_s"), load * 60 * (1 + cv**2) / 2 / (1 - load))
    agrees(found.measure("waited"), load)


def test_wrap_up_is_work_like_any_other(engine: Engine) -> None:
    centre = one_type(
        arrivals=0.7 / 60,
        mean_s=40,
        agents=1,
        contacts=SIZE[engine],
        wrap_up={"shape": "fixed", "mean_s": 20},
    )
    second_moment = 60**2 + 40**2

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("mean_wait_s"), 0.7 / 60 * second_moment / 2 / 0.3)
    agrees(found.measure("aht_s"), 60)
    agrees(found.occupancy(), 0.7)


def test_boundless_priority_is_cobhams_queue(engine: Engine) -> None:
    plain = {"arrivals": {"per_hour": 24}, "handle": {"mean_s": 60}}
    types = {"vip": {**plain, "arrivals": {"per_hour": 18}, "priority_points": 1e7}, "plain": plain}
    groups = {"all": {"agents": 1, "skills": {"vip": 1, "plain": 1}}}
    centre = scenario(types, groups, length=SIZE[engine] * 3600 / 42)
    rest = 0.7 * 60

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("mean_wait_s", "vip"), rest / 0.7)
    agrees(found.measure("mean_wait_s", "plain"), rest / (0.7 * 0.3))


def test_those_who_try_again_load_the_lines(engine: Engine) -> None:
    agents, again, share = 3, 0.5, 0.7
    retry = {"share": share, "after": {"mean_s": 60 / again}, "most": 20}
    kind = {"arrivals": {"per_hour": 150}, "handle": {"mean_s": 60}, "retry": retry}
    groups = {"all": {"agents": agents, "skills": {"help": 1}}}
    centre = scenario({"help": kind}, groups, length=SIZE[engine] * 24, lines=agents)

    def moves(state: tuple[int, int]) -> Iterator[tuple[float, tuple[int, int]]]:
        busy, orbit = state
        full = busy == agents
        if not full:
            yield 2.5, (busy + 1, orbit)
        elif orbit < 60:
            yield 2.5 * share, (busy, orbit + 1)
        if orbit:
            yield (
                (orbit * again * (1 - share), (busy, orbit - 1))
                if full
                else (orbit * again, (busy + 1, orbit - 1))
            )
        if busy:
            yield float(busy), (busy - 1, orbit)

    long_run = solve_chain((0, 0), moves)
    tries = sum(p * (2.5 + again * orbit) for (_, orbit), p in long_run.items())
    turned = sum(p * (2.5 + again * m) for (n, m), p in long_run.items() if n == agents)

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("blocked"), turned / tries)


def test_silent_leavers_hold_up_those_behind_them(engine: Engine) -> None:
    kind = {
        "arrivals": {"per_hour": 24},
        "handle": {"mean_s": 60},
        "patience": {"mean_s": 60},
        "silent": {"share": 1.0, "notice": {"mean_s": 15}},
    }
    groups = {"all": {"agents": 1, "skills": {"help": 1}}}
    centre = scenario({"help": kind}, groups, length=SIZE[engine] * 150)
    idle, talking, noticing = 0, 1, 2

    def freed(queue: tuple[bool, ...]) -> Silent:
        if not queue:
            return idle, ()
        return (talking if queue[0] else noticing), queue[1:]

    def moves(state: Silent) -> Iterator[tuple[float, Silent]]:
        agent, queue = state
        if agent == idle:
            yield 0.4, (talking, ())
            return
        if len(queue) < 8:
            yield 0.4, (agent, (*queue, True))
        yield (1.0 if agent == talking else 4.0), freed(queue)
        for at, there in enumerate(queue):
            if there:
                yield 1.0, (agent, (*queue[:at], False, *queue[at + 1 :]))

    start: Silent = (idle, ())
    long_run = solve_chain(start, moves)
    still_there = sum(p * sum(queue) for (_, queue), p in long_run.items())

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("abandoned"), still_there / 0.4)
    assert found.measure("abandoned").value == found.measure("abandoned_silently").value


def test_a_transfer_to_the_same_agent_is_one_longer_contact(engine: Engine) -> None:
    centre = one_type(
        arrivals=0.7 * 0.6 / 60,
        mean_s=60,
        agents=1,
        contacts=SIZE[engine],
        transfers=[{"to": "help", "share": 0.4}],
    )
    exact = many_servers(0.7 * 0.6 / 60, 0.6 / 60, 1)

    found = simulate(centre, "longest_idle", engine=engine, replications=RUNS[engine], seed=SEED)

    agrees(found.measure("mean_wait_s"), exact.mean_wait * 0.6)
    agrees(found.occupancy(), 0.7)


def test_each_hour_of_a_slow_day_is_a_centre_in_balance(engine: Engine) -> None:
    busy, calm = 840.0, 420.0
    kind = {
        "arrivals": [{"from": 0, "per_hour": busy}, {"from": "06:00", "per_hour": calm}],
        "handle": {"mean_s": 30},
        "patience": {"mean_s": 30},
    }
    groups = {"all": {"agents": 8, "skills": {"help": 1}}}
    centre = scenario({"help": kind}, groups, length=12 * 3600, warm_up=3600, period_s=3 * 3600)

    runs = 120 if engine == "compiled" else 8
    found = simulate(centre, "longest_idle", engine=engine, replications=runs, seed=SEED)

    for period, per_hour in ((1, busy), (3, calm)):
        exact = many_servers(per_hour / 120, 1.0, 8, patience=1.0)
        agrees(found.measure("waited", period=period), exact.p_wait)
        agrees(found.measure("mean_wait_s", period=period), exact.mean_wait * 30)
