"""`python -m policies experiment`: plan a switchback experiment, and analyse it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from policies.composed import Switch
from policies.experiments.analysis import Finding, analyse, paired_blocks, regressed
from policies.experiments.arms import ARMS
from policies.experiments.contacts import Contacts, read_contacts
from policies.experiments.design import Design, DesignError
from policies.experiments.sequential import AlphaSpending, AlwaysValid, Look
from policies.offline.decision_logs import REWARDS
from policies.parameters import checked
from policies.sim.estimates import Estimate

BURN_INS = (0.0, 0.5, 1.0, 1.5)
"""Times the design's burn-in: an estimate that still changes has carry-over in it."""


def add_commands(commands: Any) -> None:
    """Add this module's commands to the subparsers of `python -m policies`."""
    experiment = commands.add_parser("experiment", help="plan and analyse a switchback experiment")
    actions = experiment.add_subparsers(required=True, metavar="ACTION")
    plan = actions.add_parser("plan", help="show every block and its arm")
    plan.set_defaults(run=run_plan)
    analysed = actions.add_parser("analyse", help="estimate the lift from contacts")
    analysed.add_argument(
        "log", type=Path, help="table with at, reward; or a decision log's folder"
    )
    analysed.add_argument("--reward", default="solved", help=f"of a log: {', '.join(REWARDS)}")
    analysed.add_argument(
        "--looks", help="planned looks as shares, 0.5,1; default: an always-valid interval"
    )
    analysed.add_argument("--plot", type=Path, help="draw to this PNG file")
    analysed.set_defaults(run=run_analyse)
    for parser in (plan, analysed):
        parser.add_argument("--design", type=Path, required=True, help="YAML, as in the settings")
        parser.add_argument("--json", type=Path, help="write everything to this file")


def read_design(path: Path) -> tuple[str, Design]:
    """Return the name and the design in a YAML file with the fields of `Switch`.

    Raises:
        DesignError: the file cannot be read, or a field is not allowed.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DesignError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise DesignError(f"{path}: allowed: a mapping with {', '.join(Switch.model_fields)}")
    given = checked(str(path), Switch, data)
    return given.experiment, given.design()


def run_plan(given: argparse.Namespace) -> int:
    """Print the blocks."""
    name, design = read_design(given.design)
    blocks = [
        {
            "block": block,
            "from": _clock(design, block),
            "arm": ARMS[design.arm[block]],
            "pair": int(design.pair[block]),
        }
        for block in range(design.blocks_n)
    ]
    _write(given.json, {"experiment": name, "blocks": blocks})
    lines = [f"{name}: {design.blocks_n} blocks, {int(design.pair.max()) + 1} pairs"]
    lines += [f"{b['block']:>5}  {b['from']}  {b['arm']:<9}  pair {b['pair']}" for b in blocks]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def run_analyse(given: argparse.Namespace) -> int:
    """Print the lift, how sure it is, and whether the experiment may stop."""
    name, design = read_design(given.design)
    contacts = read_contacts(given.log, given.reward, design, name)
    found = analyse(design, contacts.at, contacts.reward)
    pairs = paired_blocks(design, contacts.at, contacts.reward)
    look = _rule(given.looks, design).look(pairs.treated - pairs.control)
    burn_ins = by_burn_in(design, contacts)
    facts = {
        "experiment": name,
        **found.table(),
        "look": {"pairs_n": look.pairs_n, "stop": look.stop, **look.estimate._asdict()},
        "by_burn_in_s": {str(s): one._asdict() for s, one in burn_ins.items()},
        "warnings": list(contacts.warnings),
    }
    _write(given.json, facts)
    if given.plot:
        from policies.plots.switchback import draw_switchback  # noqa: PLC0415 - only if asked for

        draw_switchback(name, design, pairs, found, given.plot)
    sys.stdout.write(told(name, found, look, burn_ins, contacts))
    return 0


def by_burn_in(design: Design, contacts: Contacts) -> dict[float, Estimate]:
    """Return the estimate with more and less thrown away at the start of each block."""
    found = {}
    for times in BURN_INS:
        seconds = times * design.burn_in_s
        if seconds < design.block_s:
            other = replace(design, burn_in_s=seconds)
            pairs = paired_blocks(other, contacts.at, contacts.reward)
            difference = pairs.treated - pairs.control
            found[seconds] = regressed(difference, pairs.covariate, pairs.weight)
    return found


def told(
    name: str,
    found: Finding,
    look: Look,
    burn_ins: dict[float, Estimate],
    contacts: Contacts,
) -> str:
    """Return the finding as text for a terminal."""
    ways = {
        "adjusted": found.adjusted,
        "paired": found.paired,
        "Horvitz-Thompson": found.horvitz_thompson,
    }
    size = f"{found.contacts_n} contacts in {found.pairs_n} pairs of blocks"
    lines = [f"{name}: {size}; mean reward under {ARMS[0]}: {found.control:.4f}"]
    lines += [f"  {way:<17} {_shown(one)}" for way, one in ways.items()]
    lines.append(f"  randomisation test of no effect: p = {found.p_value:.4f}")
    lines += [f"  burn-in {s:,.0f} s: {_shown(one)}" for s, one in burn_ins.items()]
    may = "may stop" if look.stop else "go on"
    lines.append(
        f"  after {look.pairs_n} pairs, in spite of every look: {_shown(look.estimate)}; {may}"
    )
    lines += [f"warning: {text}" for text in contacts.warnings]
    return "\n".join(lines) + "\n"


def _rule(looks: str | None, design: Design) -> AlwaysValid | AlphaSpending:
    planned = int(design.pair.max()) + 1
    if looks is None:
        return AlwaysValid(planned)
    try:
        shares = tuple(float(part) for part in looks.split(","))
    except ValueError:
        shares = ()
    return AlphaSpending(planned, shares)


def _shown(one: Estimate) -> str:
    return f"{one.value:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def _clock(design: Design, block: int) -> str:
    begins = design.start + block * design.block_s
    return datetime.fromtimestamp(begins, ZoneInfo(design.zone)).strftime("%a %Y-%m-%d %H:%M")


def _write(path: Path | None, facts: dict[str, Any]) -> None:
    if path is not None:
        text = json.dumps(facts, indent=2, default=float)
        path.write_text(text + "\n", encoding="utf-8")
