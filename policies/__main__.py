"""The laboratory's command line: `python -m policies simulate SCENARIO`, and more with `--help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from policies import explain_commands as explaining
from policies.experiments import commands as experiments
from policies.learned import commands as learned
from policies.offline import commands as offline
from policies.promotion import commands as promotion
from policies.sim import PolicyError, UnknownPolicyError
from policies.sim import commands as simulation
from policies.tuning import commands as tuning

Command = Callable[[argparse.Namespace], int]

ROOMS = (simulation, explaining, offline, learned, promotion, tuning, experiments)
"""Each adds its commands: `add_commands(subparsers)` sets `run` on every parser."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    made = argparse.ArgumentParser(prog="python -m policies", description=__doc__)
    commands = made.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for room in ROOMS:
        room.add_commands(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 1 if it failed, 2 for bad input."""
    given = parser().parse_args(arguments)
    command: Command = given.run
    try:
        return command(given)
    except (UnknownPolicyError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except PolicyError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
