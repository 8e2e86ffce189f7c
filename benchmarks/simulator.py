"""Contacts per CPU-second of the simulator, side by side with simpy and ciw.

    python -m benchmarks.simulator [--json FILE] [--contacts 4000000] [--quick]

Two centres: one type (Erlang C: 200 contacts an hour, 3 min each, 14 agents) and Wallace and
Whitt's (6 types, 90 agents with 2 skills, 120 lines, 10 min each, load 84). Every program draws its
own dice, and reports its mean wait so that one can see they ran the same centre. CPU-seconds of
this process, compiling left out (reported by itself).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import permutations

from benchmarks import report
from benchmarks.simulator_peers import (
    Outcome,
    ciw_one_type,
    ciw_skills,
    simpy_one_type,
    simpy_skills,
)
from policies.sim import Scenario, make_scenario, simulate
from policies.sim.simulation import Engine

TYPES_N, AGENTS_N, LINES_N = 6, 90, 120
ONE = (100 / 1800, 180.0, 14)
SKILLS = (1.4 / 60, 600.0)
PAIRS = list(permutations(range(TYPES_N), 2))
PER_REPLICATION_N = 100_000

Row = dict[str, report.Cell]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--contacts", type=int, default=4_000_000, help="for the compiled engine")
    parser.add_argument("--peer-contacts", type=int, default=60_000, help="for everybody else")
    parser.add_argument("--quick", action="store_true", help="a hundredth of it")
    return parser.parse_args(arguments)


def one_type(contacts: float) -> Scenario:
    """Return the centre of one type, long enough for so many contacts."""
    per_s, mean_s, agents = ONE
    return make_scenario(
        {
            "length": contacts / per_s,
            "period_s": contacts / per_s,
            "types": {
                "help": {"arrivals": {"per_hour": per_s * 3600}, "handle": {"mean_s": mean_s}}
            },
            "groups": {"all": {"agents": agents, "skills": {"help": 1}}},
        }
    )


def six_skills(contacts: float, *, pooled: bool = False) -> Scenario:
    """Return Wallace and Whitt's centre, long enough for so many contacts."""
    per_s, mean_s = SKILLS
    names = [f"t{n}" for n in range(TYPES_N)]
    kind = {"arrivals": {"per_hour": per_s * 3600}, "handle": {"mean_s": mean_s}}
    groups = {
        f"{a}-{b}": {"agents": AGENTS_N // len(PAIRS), "skills": {names[a]: 1, names[b]: 1}}
        for a, b in PAIRS
    }
    if pooled:
        groups = {"all": {"agents": AGENTS_N, "skills": dict.fromkeys(names, 1)}}
    length = contacts / (TYPES_N * per_s)
    return make_scenario(
        {
            "length": length,
            "period_s": length,
            "lines": LINES_N,
            "types": dict.fromkeys(names, kind),
            "groups": groups,
        }
    )


def ours(make: Callable[[float], Scenario], contacts: int, engine: Engine) -> Outcome:
    """Run as many replications as it takes."""
    runs = max(2, contacts // PER_REPLICATION_N)
    result = simulate(make(contacts / runs), "longest_idle", replications=runs, engine=engine)
    n = int(result.sums["arrived_n"].sum())
    return Outcome(n, result.measure("mean_wait_s").value)


def measured(centre: str, program: str, run: Callable[[], Outcome]) -> Row:
    """Run once; return a row of the table."""
    report.say(f"{centre}: {program} ...")
    before = time.process_time()
    outcome = run()
    spent = time.process_time() - before
    return {
        "centre": centre,
        "program": program,
        "contacts": outcome.contacts_n,
        "cpu_s": round(spent, 3),
        "contacts_per_cpu_s": round(outcome.contacts_n / spent),
        "mean_wait_s": round(outcome.mean_wait_s, 2),
    }


def all_rows(contacts: int, peer_contacts: int) -> list[Row]:
    """Return every program on both centres."""
    one_s, skills_s = peer_contacts / ONE[0], peer_contacts / (TYPES_N * SKILLS[0])
    crews = [(frozenset(pair), AGENTS_N // len(PAIRS)) for pair in PAIRS]

    def pooled(contacts: float) -> Scenario:
        return six_skills(contacts, pooled=True)

    one, two, every = "one type", "90 agents x 6 skills, 2 each", "90 agents x 6 skills, all"
    runs: list[tuple[str, str, Callable[[], Outcome]]] = [
        (one, "raydesk compiled", lambda: ours(one_type, contacts, "compiled")),
        (one, "raydesk python", lambda: ours(one_type, peer_contacts, "python")),
        (one, "simpy", lambda: simpy_one_type(*ONE, one_s)),
        (one, "ciw", lambda: ciw_one_type(*ONE, one_s)),
        (two, "raydesk compiled", lambda: ours(six_skills, contacts, "compiled")),
        (two, "raydesk python", lambda: ours(six_skills, peer_contacts, "python")),
        (two, "simpy", lambda: simpy_skills(*SKILLS, crews, skills_s)),
        (every, "raydesk compiled", lambda: ours(pooled, contacts, "compiled")),
        (every, "ciw", lambda: ciw_skills(*SKILLS, skills_s)),
    ]
    return [measured(centre, program, run) for centre, program, run in runs]


def main() -> None:
    """Measure, show a table, write JSON."""
    given = options()
    share = 100 if given.quick else 1
    begun = time.perf_counter()
    ours(six_skills, 2_000, "compiled")
    compile_s = time.perf_counter() - begun
    rows = all_rows(given.contacts // share, given.peer_contacts // share)
    report.say(report.table(rows))
    facts = {
        **report.machine_facts(),
        **{name: version(name) for name in ("numba", "numpy", "simpy", "ciw")},
    }
    result = {"machine": facts, "compile_or_load_s": round(compile_s, 2), "rows": rows}
    report.write(result, given.json)


if __name__ == "__main__":
    main()
