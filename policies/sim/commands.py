"""`python -m policies simulate | compare | sweep`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from policies.sim.built_in import RULES, policy_names
from policies.sim.estimates import Estimate
from policies.sim.own_policy import named_policy
from policies.sim.reading import read_scenario
from policies.sim.results import MEASURES, PERCENTILES, Result
from policies.sim.simulation import Progress, compare, simulate
from policies.sim.sweep import sweep

SHARES = ("blocked", "abandoned", "abandoned_silently", "waited", "service_level")


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    one = commands.add_parser("simulate", help="run a scenario under one policy")
    _scenario_options(one)
    one.add_argument("--policy", help=f"FILE.py:CLASS or {', '.join(policy_names())}")
    one.set_defaults(run=run_simulate)
    several = commands.add_parser("compare", help="run policies on the same contacts")
    _scenario_options(several)
    several.add_argument(
        "--policy", action="append", help="repeat it; default: all that are built in"
    )
    several.set_defaults(run=run_compare)
    costs = commands.add_parser("sweep", help="service level against cost, by number of agents")
    _scenario_options(costs)
    costs.add_argument("--policy", action="append", help="repeat it; default: the scenario's")
    costs.add_argument(
        "--agents", default="0.8,0.9,1,1.1,1.2", help="factors of every group's agents"
    )
    costs.set_defaults(run=run_sweep)


def _scenario_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", type=Path, help="YAML file, see docs/policies.md")
    parser.add_argument("--replications", type=_at_least_two, help="default: the scenario's")
    parser.add_argument("--seed", type=int, help="default: the scenario's")
    parser.add_argument("--engine", choices=("auto", "compiled", "python"), default="auto")
    parser.add_argument("--json", type=Path, help="write every measure to this file")
    parser.add_argument("--plot", type=_png, help="draw to this PNG file")


def _png(text: str) -> Path:
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError(f"{text!r}: allowed: a file that ends in .png")
    return Path(text)


def _at_least_two(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r}: allowed: a whole number from 2")
    return int(text)


def run_simulate(given: argparse.Namespace) -> int:
    """Run one policy; print a table by type."""
    scenario = read_scenario(given.scenario)
    result = simulate(
        scenario,
        named_policy(given.policy or scenario.policy),
        replications=given.replications,
        seed=given.seed,
        engine=given.engine,
        keep_waits=True,
        progress=progress_line("simulate"),
    )
    _write_json(given.json, result.table())
    if given.plot:
        from policies.plots.one_result import draw_result  # noqa: PLC0415 - only when asked for

        draw_result(result, scenario, given.plot)
    sys.stdout.write(f"{scenario.name or given.scenario} under {_who(result)}\n")
    columns: dict[str, str | None] = {"all": None, **{kind: kind for kind in result.types}}
    rows = [
        [name, *(_shown(name, result.measure(name, kind)) for kind in columns.values())]
        for name in MEASURES
    ]
    rows += [
        [
            f"wait_p{p}_s",
            *(_shown("mean_wait_s", result.wait_percentile(p, k)) for k in columns.values()),
        ]
        for p in PERCENTILES
    ]
    rows.append(["occupancy", _shown("waited", result.occupancy())])
    sys.stdout.write(_table([["", *columns], *rows]))
    return 0


def run_compare(given: argparse.Namespace) -> int:
    """Run several policies on the same contacts; print a table of differences to the first."""
    scenario = read_scenario(given.scenario)
    names = given.policy or sorted(RULES, key=lambda name: (name != scenario.policy, name))
    results = compare(
        scenario,
        [named_policy(name) for name in names],
        replications=given.replications,
        seed=given.seed,
        engine=given.engine,
        progress=progress_line("compare"),
    )
    _write_json(given.json, {"results": [result.table() for result in results]})
    if given.plot:
        from policies.plots.comparison import draw_comparison  # noqa: PLC0415 - only when asked for

        draw_comparison(results, given.plot)
    first = results[0]
    sys.stdout.write(
        f"{scenario.name or given.scenario}: less {first.policy}, on the same contacts; "
        "* is more than chance (95 %)\n"
    )
    rows = [[""] + [result.policy for result in results]]
    for name in MEASURES:
        cells = [_shown(name, first.measure(name))]
        cells += [_difference(name, result.difference(first, name)) for result in results[1:]]
        rows.append([name, *cells])
    sys.stdout.write(_table(rows))
    return 0


def run_sweep(given: argparse.Namespace) -> int:
    """Run policies over numbers of agents; print service level and cost."""
    scenario = read_scenario(given.scenario)
    points = sweep(
        scenario,
        [named_policy(name) for name in given.policy or [scenario.policy]],
        _factors(given.agents),
        replications=given.replications,
        seed=given.seed,
        engine=given.engine,
        progress=progress_line("sweep"),
    )
    _write_json(given.json, {"points": [point.table() for point in points]})
    if given.plot:
        from policies.plots.cost import draw_costs  # noqa: PLC0415 - only when asked for

        draw_costs(points, given.plot)
    rows = [["policy", "agents", "cost", "service_level", "mean_wait_s", "occupancy"]]
    for point in points:
        result = point.result
        rows.append(
            [
                result.policy,
                str(point.agents_n),
                f"{point.cost:,.0f}",
                _shown("service_level", result.measure("service_level")),
                _shown("mean_wait_s", result.measure("mean_wait_s")),
                _shown("waited", result.occupancy()),
            ]
        )
    sys.stdout.write(_table(rows))
    return 0


def _factors(text: str) -> list[float]:
    try:
        factors = [float(part) for part in text.split(",")]
    except ValueError:
        factors = []
    if not factors or min(factors) <= 0:
        raise ValueError(f"--agents: {text!r}; allowed: factors above 0, as in 0.8,1,1.2")
    return factors


def progress_line(what: str) -> Progress | None:
    """Return a function that keeps one line of a terminal up to date; None without a terminal."""
    if not sys.stderr.isatty():
        return None
    begun = time.monotonic()

    def show(done: int, of: int) -> None:
        bar = "#" * (30 * done // of)
        left_s = (time.monotonic() - begun) / done * (of - done)
        end = "\n" if done == of else ""
        sys.stderr.write(f"\r{what} [{bar:<30}] {done}/{of}, {left_s:,.0f} s left {end}")
        sys.stderr.flush()

    return show


def _who(result: Result) -> str:
    runs = len(result.sums)
    return f"{result.policy}, {runs} replications, {result.engine} engine; mean ± 95 % confidence"


def _shown(name: str, estimate: Estimate, sign: str = "") -> str:
    if estimate.value != estimate.value:
        return "-"
    reach = (estimate.high - estimate.low) / 2
    if name in SHARES:
        return f"{100 * estimate.value:{sign}.2f} ± {100 * reach:.2f} %"
    return f"{estimate.value:{sign},.2f} ± {reach:,.2f}"


def _difference(name: str, estimate: Estimate) -> str:
    clear = estimate.low > 0 or estimate.high < 0
    return _shown(name, estimate, "+") + (" *" if clear else "  ")


def _table(rows: list[list[str]]) -> str:
    columns = max(len(row) for row in rows)
    full = [row + [""] * (columns - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in full) for at in range(columns)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in full
    ]
    return "\n".join(lines) + "\n"


def _write_json(path: Path | None, data: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
