"""`python -m policies explain FILE_OR_FOLDER [--id ID]`: decisions of the log, in words."""

from __future__ import annotations

import argparse
import sys

import msgspec

from policies.decision_files import read
from policies.decisions import Decision
from policies.explain import explain
from policies.replay import CannotReplayError, differences

SHOWN_N = 10


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain`."""
    made = commands.add_parser(
        "explain", help="say in words why decisions of the log came out as they did"
    )
    made.add_argument("path", nargs="+", help="Parquet files or folders of the decision log")
    made.add_argument("--id", help="one decision; else the newest")
    made.add_argument("--session", help="only decisions about this session")
    made.add_argument("--lang", choices=("zh", "en"), default="en")
    made.add_argument("--last", type=int, default=SHOWN_N, help="how many of the newest")
    made.add_argument("--replay", action="store_true", help="decide again, and say what differs")
    made.add_argument("--json", action="store_true", help="rows, as JSON")
    made.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print; return 1 if nothing fits, or a replay differs."""
    rows = read(*given.path)
    found = _wanted(rows, given)
    if not found:
        sys.stderr.write("error: no such decision in these files\n")
        return 1
    if given.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        sys.stdout.write("\n\n".join(explain(row, given.lang) for row in found) + "\n")
    return _replayed(rows, found) if given.replay else 0


def _wanted(rows: list[Decision], given: argparse.Namespace) -> list[Decision]:
    if given.id:
        return [row for row in rows if row.id == given.id]
    mine = [row for row in rows if given.session in (None, row.contact.session)]
    return mine[-given.last :]


def _replayed(rows: list[Decision], found: list[Decision]) -> int:
    rounds = {row.round for row in found}
    try:
        changed = differences([row for row in rows if row.round in rounds])
    except CannotReplayError as error:
        raise ValueError(str(error)) from None
    for decision, agent in changed:
        sys.stdout.write(f"replay of {decision}: {agent or 'nobody'}\n")
    if not changed:
        sys.stdout.write("replay: the same\n")
    return 1 if changed else 0
