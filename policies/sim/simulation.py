"""Run a scenario: replications, one engine or the other, results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from policies.arrays import Floats
from policies.sim.built_in import (
    PRICED,
    RULES,
    Rule,
    UnknownPolicyError,
    make_policy,
    policy_names,
)
from policies.sim.centre import RatePlan, build_centre, crews_of, on_spans, rate_plan
from policies.sim.draws import Dice, throw_dice
from policies.sim.facts import price_table
from policies.sim.floors import empty_floor
from policies.sim.kernel.floor import (
    ABANDONED,
    EVENTS_N,
    SERVED,
    SILENT,
    VISITS_N,
    Centre,
    Table,
    Visits,
)
from policies.sim.kernel.loop import run_visits
from policies.sim.kernel.tally import TALLY, tally_visits
from policies.sim.names import Names
from policies.sim.python_run import PythonRun, RowsUsedUp
from policies.sim.results import PERCENTILES, Result
from policies.sim.scenario import Scenario
from policies.view import Policy

Engine = Literal["auto", "compiled", "python"]
Progress = Callable[[int, int], None]
"""Called with replications done and in all."""

_SPARE = 0.5


class Replication(NamedTuple):
    """One run of the scenario, visit by visit."""

    visits: Visits
    rows: int
    """Visits that happened; rows of `visits` behind them are empty."""
    agents: Table
    """(A,) records with at least `crew`, `busy` and `load`."""
    events_n: int
    seed: np.uint64
    """Of the dice that are found by hash."""


class Setting(NamedTuple):
    """A scenario made ready to run many times."""

    scenario: Scenario
    centre: Centre
    plan: RatePlan
    names: Names
    priced: dict[str, Centre]
    """The centre with the prices of a priced rule, by its name."""

    @classmethod
    def of(cls, scenario: Scenario) -> Setting:
        """Return the scenario made ready."""
        return cls(scenario, build_centre(scenario), rate_plan(scenario), Names(scenario), {})

    def centre_for(self, policy: str) -> Centre:
        """Return the centre as the compiled engine needs it for a policy."""
        if policy not in PRICED:
            return self.centre
        if policy not in self.priced:
            prices = price_table(self.scenario, PRICED[policy](self.scenario))
            self.priced[policy] = self.centre._replace(prices=prices)
        return self.priced[policy]


def choose_engine(policy: str | Policy, engine: Engine) -> Literal["compiled", "python"]:
    """Return which engine runs the policy.

    Raises:
        UnknownPolicyError: there is no policy of that name, or the compiled engine lacks it.
    """
    built_in = isinstance(policy, str) and policy in RULES
    if isinstance(policy, str) and policy not in policy_names():
        raise UnknownPolicyError(f"policy: no {policy!r}; allowed: {', '.join(policy_names())}")
    if engine == "compiled" and not built_in:
        raise UnknownPolicyError(f"engine: compiled runs only {', '.join(sorted(RULES))}")
    if engine == "auto":
        return "compiled" if built_in else "python"
    return engine


def replicate(
    setting: Setting, policy: str | Policy, engine: Engine, seed: int, number: int
) -> Replication:
    """Run one replication; the same seed and number bring the same dice to every policy."""
    chosen = choose_engine(policy, engine)
    spare = _SPARE
    while True:
        dice = throw_dice(setting.scenario, setting.plan, seed, number, spare)
        if chosen == "compiled":
            done = _run_compiled(setting.centre_for(str(policy)), dice, RULES[str(policy)])
        else:
            done = _run_python(setting, dice, policy)
        if done is not None:
            return done
        spare *= 2.0


def _run_compiled(c: Centre, dice: Dice, rule: Rule) -> Replication | None:
    floor = empty_floor(c, dice)
    if not run_visits(c, floor, dice.visits, dice.reserve, dice.fresh, rule.pick, rule.take):
        return None
    rows, events_n = int(floor.n[VISITS_N]), int(floor.n[EVENTS_N])
    return Replication(dice.visits, rows, floor.agents, events_n, dice.reserve.seed)


def _run_python(setting: Setting, dice: Dice, policy: str | Policy) -> Replication | None:
    made = make_policy(policy, setting.scenario) if isinstance(policy, str) else policy
    run = PythonRun(setting.centre, setting.names, dice, made)
    try:
        run.run()
    except RowsUsedUp:
        return None
    agents = empty_floor(setting.centre, dice).agents
    for desk in run.desks:
        agents[desk.number]["busy"], agents[desk.number]["load"] = desk.busy_s, desk.load_s
    return Replication(dice.visits, run.visits_n, agents, run.events_n, dice.reserve.seed)


def simulate(
    scenario: Scenario,
    policy: str | Policy | None = None,
    *,
    replications: int | None = None,
    seed: int | None = None,
    engine: Engine = "auto",
    keep_waits: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Return what the scenario's centre does under a policy, by name or any `Policy`.

    What is None comes from the scenario. `keep_waits`: for percentiles of waits, which cost time.
    The same seed gives the same result, and the same contacts to every policy: results of one seed
    can be compared pair by pair.

    Raises:
        UnknownPolicyError: there is no such policy, or the engine cannot run it.
        PolicyError: the policy proposed something that dispatch would refuse.
    """
    chosen = scenario.policy if policy is None else policy
    runs = scenario.replications if replications is None else replications
    used_seed = scenario.seed if seed is None else seed
    setting, book = Setting.of(scenario), Book(scenario, runs, keep_waits=keep_waits)
    for number in range(runs):
        book.enter(setting.centre, number, replicate(setting, chosen, engine, used_seed, number))
        if progress is not None:
            progress(number + 1, runs)
    name = chosen if isinstance(chosen, str) else chosen.name
    return book.result(name, choose_engine(chosen, engine))


class Book:
    """The sums of every replication so far."""

    def __init__(self, scenario: Scenario, runs: int, *, keep_waits: bool) -> None:
        self.scenario, self.crews = scenario, crews_of(scenario)
        periods = int(np.ceil(scenario.length / scenario.period_s))
        types, crews = len(scenario.types), len(self.crews)
        self.sums = np.zeros((runs, periods, types), dtype=TALLY)
        self.busy, self.load = np.zeros((runs, crews)), np.zeros((runs, crews))
        self.flows = np.zeros((runs, crews, types))
        self.waits = np.full((runs, types + 1, len(PERCENTILES)), np.nan) if keep_waits else None
        self.level = np.array([kind.service_level_s for kind in scenario.types.values()])

    def enter(self, c: Centre, number: int, done: Replication) -> None:
        """Add up one replication."""
        tally_visits(
            c,
            done.visits,
            done.rows,
            done.seed,
            done.agents,
            self.level,
            float(self.scenario.period_s),
            self.sums[number],
            self.flows[number],
        )
        if self.waits is not None:
            self.waits[number] = wait_percentiles(c, done, PERCENTILES)
        crew = done.agents["crew"]
        self.busy[number] = np.bincount(crew, done.agents["busy"], len(self.crews))
        self.load[number] = np.bincount(crew, done.agents["load"], len(self.crews))

    def result(self, policy: str, engine: str) -> Result:
        """Return what was found."""
        return Result(
            policy=policy,
            engine=engine,
            types=list(self.scenario.types),
            crews=[crew.name for crew in self.crews],
            period_s=float(self.scenario.period_s),
            sums=self.sums,
            busy_s=self.busy,
            load_s=self.load,
            flows=self.flows,
            staffed_s=staffed_seconds(self.scenario),
            capacity=np.array([float(crew.group.capacity) for crew in self.crews]),
            waits=self.waits,
        )


def wait_percentiles(c: Centre, done: Replication, percentiles: Sequence[int]) -> Floats:
    """Return (T+1, P) seconds: the percentiles of waits by type and over all, nan without waits.

    As for `mean_wait_s`: of visits that arrived between warm-up and the end and were answered or
    gave up; who gave up waited until then.
    """
    fate, types = done.visits.fate[: done.rows], done.visits.type[: done.rows]
    arrived = done.visits.arrived[: done.rows]
    served = fate["outcome"] == SERVED
    counted = (served | np.isin(fate["outcome"], (ABANDONED, SILENT))) & (
        (arrived >= c.warm_up) & (arrived < c.length)
    )
    waits = np.where(served, fate["started"], fate["ended"]) - arrived
    found = np.full((len(c.kinds) + 1, len(percentiles)), np.nan)
    for row in range(len(c.kinds) + 1):
        chosen = waits[counted & ((types == row) | (row == len(c.kinds)))]
        if len(chosen):
            found[row] = np.percentile(chosen, percentiles)
    return found


def staffed_seconds(scenario: Scenario) -> Floats:
    """Return the agent-seconds on shift between warm-up and the end, by crew."""
    first, last = float(scenario.warm_up), float(scenario.length)
    paid: list[float] = []
    for crew in crews_of(scenario):
        spans = on_spans(crew.spans, last) if crew.spans else [(0.0, last)]
        seconds = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in spans)
        paid.append(crew.agents * seconds)
    return np.array(paid)


def compare(
    scenario: Scenario,
    policies: Sequence[str | Policy],
    *,
    replications: int | None = None,
    seed: int | None = None,
    engine: Engine = "auto",
    progress: Progress | None = None,
) -> list[Result]:
    """Return a result for each policy, all with the same contacts (common random numbers)."""
    runs = scenario.replications if replications is None else replications
    results = []
    for at, policy in enumerate(policies):

        def step(done: int, _: int, before: int = at * runs) -> None:
            if progress is not None:
                progress(before + done, runs * len(policies))

        results.append(
            simulate(
                scenario,
                policy,
                replications=runs,
                seed=seed,
                engine=engine,
                progress=step,
            )
        )
    return results
