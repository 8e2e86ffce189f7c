"""`python -m policies evaluate | log`: what another policy would have been worth, from a log."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pyarrow import ArrowInvalid
from pyarrow import parquet as pq

from policies.decision_files import KIND, read, write
from policies.offline.decision_logs import REWARDS, from_decisions
from policies.offline.evaluation import Evaluation, evaluate
from policies.offline.interference import warning_of
from policies.offline.intervals import METHODS
from policies.offline.log_files import read_plain
from policies.offline.logged import LogError, Logged
from policies.offline.reward_model import with_means
from policies.offline.simulated_log import simulated_log
from policies.registry import make
from policies.sim.commands import progress_line
from policies.sim.own_policy import named_policy
from policies.sim.reading import read_scenario
from policies.view import Policy


class Question(NamedTuple):
    """A log with a target, ready to be evaluated."""

    logged: Logged
    target: str
    reward: str
    warnings: list[str]


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    one = commands.add_parser("evaluate", help="value a policy on logged decisions")
    one.add_argument(
        "log", type=Path, nargs="+", help="decision logs (folder or .parquet), or one plain table"
    )
    one.add_argument("--policy", help="of a decision log: FILE.py:CLASS or a name to evaluate")
    one.add_argument("--parameters", default="{}", help="of a named policy: JSON, as in settings")
    one.add_argument("--reward", default="solved", help=f"of a decision log: {', '.join(REWARDS)}")
    one.add_argument("--target", type=Path, help="of a plain table: context, action, probability")
    one.add_argument("--interval", choices=("auto", *METHODS), default="auto")
    one.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    one.add_argument("--json", type=Path, help="write every number to this file")
    one.add_argument("--plot", type=Path, help="draw to this PNG file")
    one.set_defaults(run=run_evaluate)
    log = commands.add_parser("log", help="write the decision log of a simulated centre")
    log.add_argument("scenario", type=Path, help="YAML file, see docs/policies.md")
    log.add_argument("out", type=Path, help="a file to write, .parquet")
    log.add_argument("--policy", default="explore", help="FILE.py:CLASS or a name")
    log.add_argument("--parameters", default="{}", help="of a named policy: JSON, as in settings")
    log.add_argument("--hours", type=float, default=4.0, help="of the scenario, from its start")
    log.add_argument("--seed", type=int, help="default: the scenario's")
    log.set_defaults(run=run_log)


def run_evaluate(given: argparse.Namespace) -> int:
    """Evaluate one policy; print estimates, diagnostics and warnings."""
    question = _of_decisions(given) if _is_decision_log(given.log[0]) else _of_a_table(given)
    found = evaluate(
        question.logged,
        interval_method=given.interval,
        seed=given.seed,
        warnings=question.warnings,
    )
    facts = {"target": question.target, "reward": question.reward, **found.table()}
    if given.json:
        given.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if given.plot:
        from policies.plots.evaluation import draw_evaluation  # noqa: PLC0415 - only if asked for

        draw_evaluation(found, question.target, question.reward, given.plot)
    sys.stdout.write(told(found, question))
    return 0


def run_log(given: argparse.Namespace) -> int:
    """Simulate one replication, and write its decisions."""
    if given.out.suffix != ".parquet":
        raise LogError(f"{given.out}: allowed: a file that ends in .parquet")
    scenario, policy = read_scenario(given.scenario), named_policy(given.policy)
    chosen = _named(policy, given.parameters) if isinstance(policy, str) else policy
    if not given.hours > 0:
        raise LogError(f"--hours: {given.hours}; allowed: above 0")
    length = min(float(scenario.length), 3600 * given.hours)
    shorter = scenario.model_copy(update={"length": length, "warm_up": 0.0})
    rows = simulated_log(shorter, chosen, scenario.seed if given.seed is None else given.seed)
    write(given.out, rows)
    sys.stdout.write(f"{given.out}: {len(rows)} decisions of {chosen.name}\n")
    return 0


def _is_decision_log(path: Path) -> bool:
    if path.is_dir():
        return True
    if path.suffix != ".parquet":
        return False
    try:
        return KIND in (pq.read_schema(path).metadata or {})
    except (OSError, ArrowInvalid) as error:
        raise LogError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error


def _of_decisions(given: argparse.Namespace) -> Question:
    if given.policy is None:
        raise LogError("--policy: missing; allowed with a decision log: FILE.py:CLASS or a name")
    policy = named_policy(given.policy)
    if isinstance(policy, str):
        policy = _named(policy, given.parameters)
    source = ", ".join(str(path) for path in given.log)
    log = from_decisions(
        read(*given.log), policy, given.reward, source, progress=progress_line("evaluate")
    )
    competing = warning_of(log.interference)
    warnings = [*log.warnings, *([competing] if competing else [])]
    return Question(with_means(log.logged, log.cell), policy.name, given.reward, warnings)


def _named(name: str, parameters: str) -> Policy:
    """Return the policy of a name with parameters in JSON."""
    try:
        params = json.loads(parameters)
        if not isinstance(params, dict):
            raise LogError(f"--parameters: {parameters}; allowed: a JSON object")
        return make(name, params)
    except LookupError as error:
        raise LogError(f"--policy: {error}") from error
    except json.JSONDecodeError as error:
        raise LogError(f"--parameters: {error}; allowed: a JSON object") from error


def _of_a_table(given: argparse.Namespace) -> Question:
    if len(given.log) > 1:
        raise LogError(f"{given.log[1]}: a second plain table; allowed: one")
    plain = read_plain(given.log[0], given.target)
    logged = plain.logged
    if logged.predicted is None and logged.complete:
        logged = with_means(logged, plain.cell())
    competing = warning_of(plain.interference())
    target = given.target.name if given.target else "the log's target columns"
    return Question(logged, target, "reward", [competing] if competing else [])


def told(found: Evaluation, question: Question) -> str:
    """Return the evaluation as a table for a terminal."""
    decisions_n, target = found.diagnostics.decisions_n, question.target
    lines = [
        f"{question.reward} under {target}, {decisions_n} decisions; intervals: {found.method}",
        f"{'':<10}  {'value':>9}  {'95 %':>20}  {'less what was done':>18}  {'95 %':>20}",
        _row("logged", found.logged, None),
    ]
    lines += [_row(name, one, found.lifts[name]) for name, one in found.estimates.items()]
    seen = found.diagnostics
    lines.append(
        f"effective sample size {seen.effective_n:,.0f} ({100 * seen.ess_share:.1f} %), largest "
        f"weight {seen.largest_weight:.3g}, mean weight {seen.mean_weight:.4f}"
    )
    lines += [f"warning: {text}" for text in found.warnings]
    return "\n".join(lines) + "\n"


def _row(name: str, value: Any, lift: Any) -> str:
    cells = f"{name:<10}  {value.value:9.4f}  {_range(value):>20}"
    return cells if lift is None else f"{cells}  {lift.value:+18.4f}  {_range(lift):>20}"


def _range(one: Any) -> str:
    return f"{one.low:.4f} to {one.high:.4f}"
