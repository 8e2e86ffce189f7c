"""Lets a worker of Ray that is to give way (`serve.priority.behind_people`) do so before Ray itself
is imported: half a second of CPU, at people's priority otherwise.

Python runs a module of this name first in every process that has its folder on PYTHONPATH, as all
processes of Ray have (`actors.on_ray`). It does nothing in any other process.
"""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from contextlib import suppress
from pathlib import Path

_NEEDED = ("ray._private.ray_logging", "ray._private.runtime_env.context")
"""By Ray's set-up."""
_SETUP, _BEHIND = "setup_worker.py", "worker_behind_people.py"


def give_way_early(command: list[str]) -> None:
    """Give way if this is the command line of such a worker, which Ray is about to set up."""
    if not any(word.endswith(_SETUP) for word in command[:4]):
        return
    asked = next((word for word in command if _BEHIND in word), "")
    if asked:
        _, _, _, calm_after_s, *_ = shlex.split(
            json.loads(asked.partition("=")[2])["py_executable"]
        )
        sys.path.append(str(Path(__file__).resolve().parents[2]))
        from serve.priority import (  # noqa: PLC0415  # found now
            NICE,
            idle_thread,
            start_behind_people,
        )

        start_behind_people(NICE, calm_after_s)
        with idle_thread("imports") as thread, suppress(ImportError):
            for name in _NEEDED:
                thread.submit(importlib.import_module, name).result()


give_way_early(sys.orig_argv)
