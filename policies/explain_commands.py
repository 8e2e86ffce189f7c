"""`python -m policies explain ID_OR_FILE ...`: decisions of the log, in words."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from policies.decision_files import read
from policies.decisions import Decision
from policies.explain import explain
from policies.replay import CannotReplayError, differences

SHOWN_N = 10
STORE = ".raydesk/objects"
"""The object store of a system without S3, as `make run` leaves it."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain`."""
    made = commands.add_parser(
        "explain", help="say in words why decisions of the log came out as they did"
    )
    made.add_argument(
        "what", nargs="+", help="ids of decisions; or files and folders of the log: its newest"
    )
    made.add_argument(
        "--log", action="append", help=f"where decisions named by id are; else {STORE}"
    )
    made.add_argument("--session", help="only decisions about this session")
    made.add_argument("--lang", choices=("zh", "en"), default="en")
    made.add_argument("--last", type=int, default=SHOWN_N, help="how many of the newest")
    made.add_argument("--replay", action="store_true", help="decide again, and say what differs")
    made.add_argument("--json", action="store_true", help="rows, as JSON")
    made.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print; return 1 if nothing fits, or a replay differs."""
    ids = [one for one in given.what if one.isdigit() and not Path(one).exists()]
    paths = [one for one in given.what if one not in ids] + (given.log or [])
    rows = read(*paths or [STORE])
    found = _wanted(rows, ids, given)
    if not found:
        sys.stderr.write("error: no such decision in these files\n")
        return 1
    if given.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        sys.stdout.write("\n\n".join(explain(row, given.lang) for row in found) + "\n")
    return _replayed(rows, found) if given.replay else 0


def _wanted(rows: list[Decision], ids: list[str], given: argparse.Namespace) -> list[Decision]:
    if ids:
        return [row for row in rows if row.id in ids]
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
