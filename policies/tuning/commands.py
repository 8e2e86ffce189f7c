"""`python -m policies tune SCENARIO`: the best knobs of a policy, by several objectives."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policies.sim.commands import progress_line
from policies.sim.reading import read_scenario
from policies.tuning.knobs import TUNABLE, knobs_of
from policies.tuning.trial import Objective, Task

if TYPE_CHECKING:
    from policies.tuning.search import Search

OBJECTIVES = ("worth", "mean_wait_s")


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    one = commands.add_parser("tune", help="find the best knobs of a policy")
    one.add_argument("scenario", type=Path, help="YAML file, see docs/policies.md")
    one.add_argument(
        "--policy", help=f"FILE.py:CLASS with `knobs`, or {', '.join(sorted(TUNABLE))}"
    )
    one.add_argument(
        "--objective",
        action="append",
        help=f"repeat it; a measure, cost or occupancy; default: {', '.join(OBJECTIVES)}",
    )
    one.add_argument("--agents", help="LOW,HIGH: turn the number of agents, too, by such factors")
    one.add_argument("--trials", type=_count, default=40)
    one.add_argument("--replications", type=_count, default=5, help="of each trial")
    one.add_argument("--seed", type=int, help="of contacts and proposals; default: the scenario's")
    one.add_argument(
        "--workers",
        type=_count,
        default=os.cpu_count() or 1,
        help="trials at a time, by Ray Tune; 1: in this process, without Ray",
    )
    one.add_argument("--address", default="local", help="a Ray cluster to join")
    one.add_argument("--json", type=Path, help="write every trial to this file")
    one.add_argument("--plot", type=Path, help="draw the frontier to this PNG file")
    one.set_defaults(run=run_tune)


def run_tune(given: argparse.Namespace) -> int:
    """Search; print the frontier."""
    scenario = read_scenario(given.scenario)
    policy = given.policy or scenario.policy
    knobs = knobs_of(policy, scenario, _bounds(given.agents))
    objectives = tuple(Objective.named(text) for text in given.objective or OBJECTIVES)
    seed = scenario.seed if given.seed is None else given.seed
    task = Task(scenario, policy, objectives, max(2, given.replications), seed)
    found = _searched(task, knobs, given)
    if given.json:
        given.json.write_text(json.dumps(found.table(), indent=2) + "\n", encoding="utf-8")
    if given.plot:
        from policies.plots.frontier import draw_frontier  # noqa: PLC0415 - only when asked for

        draw_frontier(found, given.plot)
    sys.stdout.write(told(found, scenario.name or str(given.scenario)))
    return 0


def _searched(task: Task, knobs: Any, given: argparse.Namespace) -> Search:
    line = progress_line("tune")
    if given.workers == 1 and given.address == "local":
        from policies.tuning.search import search  # noqa: PLC0415 - nor need others load Optuna

        return search(task, knobs, given.trials, line)
    from policies.tuning.on_ray import search_on_ray  # noqa: PLC0415 - Ray takes seconds to load

    return search_on_ray(
        task, knobs, given.trials, given.workers, address=given.address, progress=line
    )


def told(found: Search, scenario: str) -> str:
    """Return the frontier as text for a terminal: knobs, and what they gain over the usual."""
    task, first = found.task, found.trials[0]
    lines = [
        f"{task.policy} on {scenario}, {len(found.trials)} trials: value, gain over usual ± 95 %"
    ]
    for at in found.frontier():
        trial = found.trials[at]
        lines.append(f"trial {at + 1}" + (" (the usual knobs)" if at == 0 else ""))
        for objective in task.objectives:
            gain = trial.gain(first, objective.name)
            reach = (gain.high - gain.low) / 2
            lines.append(
                f"  {objective.name:<18} {trial.estimate(objective.name).value:12.4f}"
                f"   {gain.value:+.4f} ± {reach:.4f}"
            )
        knobs = ", ".join(f"{name} {value:.4g}" for name, value in trial.values.items())
        lines.append(f"  {knobs}")
    return "\n".join(lines) + "\n"


def _bounds(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not 0 < low < high:
        raise ValueError(f"--agents: {text!r}; allowed: LOW,HIGH above 0, as in 0.8,1.2")
    return low, high


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: allowed: a whole number from 1")
    return int(text)
