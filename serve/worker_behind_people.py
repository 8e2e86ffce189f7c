"""Starts a worker of Ray that gives way to people (`serve.priority.behind_people`):

    python serve/worker_behind_people.py NICE CALM_AFTER_S MODULE,MODULE WORKER ARGUMENT...

Gives way, imports the modules in a thread of the idle class, and becomes the worker. On a node one
such worker imports at a time, so that people always have the other processors.
"""

from __future__ import annotations

import fcntl
import importlib
import runpy
import sys
from pathlib import Path

UNUSED = ("pandas",)
"""What Ray Serve imports wherever it is installed, for values that none of us sends: with what it
brings along, a fifth of a bot's start."""
_ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the worker, with its own arguments, as if it had been started itself."""
    _, nice, calm_after_s, modules, worker, *_ = sys.argv
    sys.argv = sys.argv[4:]
    sys.path[0] = str(Path(worker).resolve().parent)
    sys.path.append(str(_ROOT))
    from serve.priority import idle_thread, start_behind_people  # noqa: PLC0415  # found now

    start_behind_people(int(nice), calm_after_s)
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not there
    with idle_thread("imports") as thread, Path(__file__).open(encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        thread.submit(_import, modules.split(",") if modules else []).result()
    runpy.run_path(worker, run_name="__main__")


def _import(names: list[str]) -> None:
    for name in names:
        importlib.import_module(name)


if __name__ == "__main__":
    main()
