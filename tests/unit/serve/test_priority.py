"""What gives way to people really does, seen from inside of such a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.on_ray import FIRST
from serve.priority import LAST, NICE, behind_people

_SESSION_NICE = """
from pathlib import Path
def session_nice():
    try:
        return int(Path("/proc/self/autogroup").read_text().split()[-1])
    except (OSError, IndexError):
        return None
"""
"""Of the running process. None: sessions have none here, or this one is of the machine's first
processes, whose session has no niceness of its own."""

_SEEN = (
    _SESSION_NICE
    + """
import json, os, sys
print(json.dumps({
    "arguments": sys.argv[1:],
    "folder": sys.path[0],
    "imported": "this_is_imported" in sys.modules,
    "leads_session": os.getsid(0) == os.getpid(),
    "leads_group": os.getpgrp() == os.getpid(),
    "nice": os.nice(0),
    "policy": os.sched_getscheduler(0) if sys.platform == "linux" else 0,
    "processors": len(os.sched_getaffinity(0)) if sys.platform == "linux" else 0,
    "session_nice": session_nice(),
}))
"""
)

SESSIONS_ARE_NICE = Path("/proc/self/autogroup").exists()
"""Linux, built so."""


@pytest.mark.parametrize("leads_a_group", [True, False])
def test_a_worker_starts_behind_people_in_a_session_of_its_own(
    tmp_path: Path, leads_a_group: bool
) -> None:
    """Ray starts its workers as leaders of groups, which may not make sessions as they are; who
    ends the worker by its group must still find it."""
    (tmp_path / "this_is_imported.py").write_text("")
    worker = tmp_path / "worker.py"
    worker.write_text(_SEEN)
    command = behind_people("this_is_imported", nice=7)["py_executable"]

    told = subprocess.run(  # our own program
        ["/bin/sh", "-c", f'exec {command} "$@"', "sh", str(worker), "--one", "two words"],
        process_group=0 if leads_a_group else None,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    ).stdout

    seen = json.loads(told)
    assert seen["arguments"] == ["--one", "two words"]
    assert seen["folder"] == str(tmp_path)
    assert seen["imported"]
    assert seen["leads_session"]
    assert seen["leads_group"]
    assert seen["nice"] >= 7
    assert seen["policy"] == 0, "only the imports are of the idle class: answering must go on"
    assert seen["session_nice"] == (LAST if SESSIONS_ARE_NICE else None)


def test_two_workers_take_turns_to_import(tmp_path: Path) -> None:
    """Each notes when it imports: the notes must not overlap."""
    notes = tmp_path / "notes"
    (tmp_path / "slow_to_import.py").write_text(
        "import time\n"
        f"with open({str(notes)!r}, 'a') as file: file.write('in ')\n"
        "time.sleep(0.3)\n"
        f"with open({str(notes)!r}, 'a') as file: file.write('out ')\n"
    )
    worker = tmp_path / "worker.py"
    worker.write_text("")
    command = behind_people("slow_to_import")["py_executable"]

    started = [subprocess.Popen(f"exec {command} {worker}", shell=True) for _ in range(2)]

    assert [process.wait(60) for process in started] == [0, 0]
    assert notes.read_text().split() == ["in", "out", "in", "out"]


def output_of(command: str, worker: Path) -> bytes:
    """Run our own program to its end."""
    return subprocess.run(
        f"exec {command} {worker}", shell=True, stdout=subprocess.PIPE, check=True, timeout=60
    ).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes to processors")
def test_a_calm_start_stays_on_one_processor_until_it_is_ready(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, threading\n"
        "from serve.priority import calm_start\n"
        "seen, told, ready = [], threading.Event(), threading.Event()\n"
        "def look():\n"
        "    seen.append(sorted(os.sched_getaffinity(0)))\n"
        "    told.set()\n"
        "    ready.wait()\n"
        "    seen.append(sorted(os.sched_getaffinity(0)))\n"
        "thread = threading.Thread(target=look)\n"
        "thread.start()\n"
        "told.wait()\n"
        "calm_start.end()\n"
        "ready.set()\n"
        "thread.join()\n"
        "print(json.dumps(seen))\n"
    )
    command = behind_people("json", calm_after_s=0.0)["py_executable"]

    told = output_of(command, worker)

    mine = sorted(os.sched_getaffinity(0))
    assert json.loads(told) == [[mine[-1]], mine], "a thread of the start too"


def set_up(tmp_path: Path, name: str, py_executable: str) -> dict[str, object]:
    """Return what Ray's set-up of a worker, as far as we are concerned, sees of itself."""
    program = tmp_path / name
    program.write_text(_SEEN)
    context = json.dumps({"py_executable": py_executable})
    seen: dict[str, object] = json.loads(
        subprocess.run(
            [sys.executable, program, f"--serialized-runtime-env-context={context}"],
            env={**os.environ, "PYTHONPATH": str(FIRST)},
            stdout=subprocess.PIPE,
            check=True,
            timeout=60,
        ).stdout
    )
    return seen


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes to processors")
@pytest.mark.parametrize(("calm_after_s", "pinned"), [(0.0, True), (1e9, False), (None, True)])
def test_a_worker_gives_way_before_ray_sets_it_up(
    tmp_path: Path, calm_after_s: float | None, pinned: bool
) -> None:
    """The first start of a node is everybody's: its session does not wait for others'."""
    command = behind_people("json", nice=LAST, calm_after_s=calm_after_s)["py_executable"]
    seen = set_up(tmp_path, "setup_worker.py", command)
    assert seen["leads_session"]
    assert seen["nice"] == NICE, "its own niceness comes later"
    if SESSIONS_ARE_NICE:
        assert seen["session_nice"] == (LAST if pinned else 0)
    assert (seen["processors"] == 1) == (pinned or os.cpu_count() == 1)


@pytest.mark.parametrize(
    ("name", "command"),
    [("setup_worker.py", sys.executable), ("other.py", behind_people("json")["py_executable"])],
)
def test_no_other_process_gives_way(tmp_path: Path, name: str, command: str) -> None:
    seen = set_up(tmp_path, name, command)
    assert not seen["leads_session"]
    assert seen["nice"] == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes to processors")
def test_a_start_that_takes_too_long_goes_on_like_everybody(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        _SESSION_NICE + "import json, os, time\n"
        "from serve import priority\n"
        "seen = [session_nice()]\n"
        "priority.HURRY_S = priority.age_s(os.getpid()) + 0.2\n"
        "priority.calm_start.begin(0.0)\n"
        "while len(os.sched_getaffinity(0)) == 1 < os.cpu_count() or session_nice() == 19:\n"
        "    time.sleep(0.01)\n"
        "seen.append(session_nice())\n"
        "time.sleep(0.2)  # Linux takes a session's niceness ten times a second\n"
        "priority.calm_start.end()\n"
        "print(json.dumps([*seen, session_nice()]))\n"
    )
    command = behind_people("json")["py_executable"]

    told = output_of(command, worker)

    assert json.loads(told) == ([LAST, 0, NICE] if SESSIONS_ARE_NICE else [None, None, None])


@pytest.mark.skipif(not SESSIONS_ARE_NICE, reason="nothing that could have changed")
def test_the_end_of_no_calm_start_changes_nothing(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        _SESSION_NICE + "from serve.priority import calm_start\n"
        "calm_start.end()\n"
        "print(session_nice())\n"
    )
    assert output_of(behind_people("json")["py_executable"], worker).split() == [b"19"]
