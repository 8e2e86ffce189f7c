"""What policies cost and what they are worth.

    python -m benchmarks.policies [--json FILE] [--quick] [--only decisions|value|learned]

Three tables. *Decisions*: per second and core with 50 eligible agents for every contact, by policy,
with the pool kept as dispatch keeps it (one agent taken, one given back, each time). *Value*: the
value scenario, its linear-programming bound, how far below it each policy stays, and what the
learners lose against the same rule that knows everything, after so many contacts. *Learned*: how
long scoring 50 candidates takes in process, and through the Serve deployment that dispatch asks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from random import Random

import msgspec
import numpy as np

from benchmarks import report
from benchmarks.policies_learned import in_process, through_serve, trained
from policies import registry
from policies.pool import Pool
from policies.sim import make_policy, read_scenario, simulate
from policies.sim.facts import arrivals_per_s
from policies.sim.regret import regret
from policies.sim.scenario import Scenario
from policies.theory.value_bound import value_bound
from policies.view import AgentView, ContactView, Demand, Policy, QueueView, View
from policies.waits import Waits

CANDIDATES_N, GROUPS_N = 50, 5
SCENARIO = "examples/scenarios/value.yaml"
LEARNERS = ("ucb", "thompson")
BY_CONTACTS = (5_000, 20_000, 40_000)
NOW = 1_000_000.0

Row = dict[str, report.Cell]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--only", choices=("decisions", "value", "learned"), help="one table")
    return parser.parse_args(arguments)


def centre() -> Scenario:
    """Return the value scenario: its groups and types are what the policies below know."""
    return read_scenario(SCENARIO)


class Floor:
    """Fifty free agents and one contact at a time, in the structures that dispatch keeps."""

    def __init__(self, scenario: Scenario) -> None:
        self.types, groups = list(scenario.types), list(scenario.groups)
        self.waits, self.pool, self.dice = Waits(), Pool(), Random(1)
        self.queues = {name: QueueView(id=name) for name in self.types}
        self.now, self.contacts_n = NOW, 0
        for n in range(CANDIDATES_N):
            agent = AgentView(
                id=f"{n:03d}",
                groups=frozenset({groups[n % len(groups)]}),
                skills=dict.fromkeys(self.types, 1 + n % 5),
                capacity=3,
                idle_since=NOW - self.dice.random() * 600,
            )
            self.pool.put(agent)

    def view(self) -> View:
        """Let a contact come; return what the policy sees."""
        self.now += 1.0
        self.contacts_n += 1
        queue = self.types[self.contacts_n % len(self.types)]
        contact = ContactView(
            id=str(self.contacts_n),
            demand=Demand(queue=queue, needs=((queue, 1),)),
            arrived_at=self.now - 5.0,
            virtual_at=self.now - 5.0,
        )
        self.waits.put(contact, self.now)
        return View(now=self.now, waiting=self.waits, pool=self.pool, queues=self.queues)

    def serve(self, view: View, policy: Policy) -> None:
        """Decide, take the agent's slot, and give it back as one who has just finished."""
        for match in policy.decide(view, self.dice):
            contact = self.waits.remove(match.contact)
            agent = self.pool[match.agent]
            if contact is not None:
                taken = agent.given(contact.demand, self.now)
                self.pool.put(taken)
                self.pool.put(msgspec.structs.replace(taken, used=0, contacts_n=0))
        for contact in list(self.waits):
            self.waits.remove(contact.id)


def decisions(quick: bool) -> list[Row]:
    """Return decisions per CPU-second of every policy; the best of three runs."""
    scenario = centre()
    n = 500 if quick else 3000
    rows: list[Row] = []
    for name in registry.names():
        spent = []
        for _ in range(3):
            floor, policy = Floor(scenario), make_policy(name, scenario)
            floor.serve(floor.view(), policy)
            begun = time.process_time()
            for _ in range(n):
                floor.serve(floor.view(), policy)
            spent.append(time.process_time() - begun)
        rows.append({"policy": name, "decisions_per_s_and_core": round(n / min(spent))})
        report.say(f"{name}: {rows[-1]['decisions_per_s_and_core']:,}")
    return rows


def gaps(quick: bool) -> tuple[Row, list[Row]]:
    """Return the bound of the value scenario, and how far below it the policies stay."""
    scenario = centre()
    bound = value_bound(scenario)
    most = bound.worth_per_s / sum(arrivals_per_s(scenario).values())
    rows: list[Row] = []
    for name in ("longest_idle", "value_greedy", "lp_value"):
        found = simulate(scenario, name, replications=10 if quick else 60)
        worth = found.measure("worth")
        rows.append(
            {
                "policy": name,
                "worth_per_contact": round(worth.value, 5),
                "gap_percent": round(100 * (1 - worth.value / most), 3),
                "gap_se_percent": round(100 * worth.se / most, 3),
            }
        )
    facts: Row = {
        "bound_per_minute": round(bound.worth_per_s * 60, 6),
        "bound_per_contact": round(most, 6),
        "best_policy": str(min(rows, key=lambda row: float(row["gap_percent"] or 0))["policy"]),
    }
    return facts, rows


def regrets(quick: bool) -> list[Row]:
    """Return what the learners lose, by number of contacts."""
    rows: list[Row] = []
    for name in LEARNERS:
        report.say(f"{name} learns ...")
        found = regret(
            centre(), name, "lp_value", BY_CONTACTS, replications=3 if quick else 10, seed=2026
        )
        rows += [
            {
                "learner": name,
                "contacts": r.contacts_n,
                "regret": round(r.lost.value, 1),
                "regret_se": round(r.lost.se, 1),
            }
            for r in found
        ]
    return rows


def learned(quick: bool) -> list[Row]:
    """Return how long scoring takes, in process and through Serve."""
    model = trained(centre())
    n = 300 if quick else 2000
    rows: list[Row] = []
    ways: list[tuple[str, Callable[[], list[float]]]] = [
        ("in process", lambda: in_process(model, CANDIDATES_N, n)),
        ("through Serve", lambda: through_serve(model, CANDIDATES_N, n)),
    ]
    for way, run in ways:
        report.say(f"scoring {way} ...")
        ms = 1000 * np.array(run())
        rows.append(
            {
                "scoring": way,
                "candidates": CANDIDATES_N,
                "calls": len(ms),
                "p50_ms": round(float(np.percentile(ms, 50)), 3),
                "p99_ms": round(float(np.percentile(ms, 99)), 3),
            }
        )
    return rows


def main() -> None:
    """Measure, show tables, write JSON."""
    given = options()
    result: dict[str, object] = {"machine": report.machine_facts()}
    if given.only in (None, "decisions"):
        rows = decisions(given.quick)
        result["decisions"] = {"candidates": CANDIDATES_N, "rows": rows}
        report.say(report.table(rows))
    if given.only in (None, "value"):
        bound, found = gaps(given.quick)
        lost = regrets(given.quick)
        result["value"] = {"bound": bound, "gaps": found, "regret": lost}
        report.say(f"bound: {bound['bound_per_minute']} per minute")
        report.say(report.table(found))
        report.say(report.table(lost))
    if given.only in (None, "learned"):
        rows = learned(given.quick)
        result["learned"] = rows
        report.say(report.table(rows))
    report.write(result, given.json)


if __name__ == "__main__":
    main()
