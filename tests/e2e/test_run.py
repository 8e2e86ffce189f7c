"""`make run`: what it prints, and that it leaves nothing behind however it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.valkey import free_port
from tests.support.real import ROOT

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]
WITHIN_S = 120.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_to_click_and_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    environ = {"RAYDESK_DATA_DIR": str(tmp_path), "RAYDESK_PORT": str(port), "DATABASE_URL": ""}
    log = tmp_path / "log"
    with log.open("w") as errors:
        program = subprocess.Popen(
            [sys.executable, "-m", "serve.run"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert program.stdout is not None
    said = ""
    for line in program.stdout:
        said += line
        if f":{port}/v1/" in line:
            break
    below = psutil.Process(program.pid).children(recursive=True)
    assert below, said
    program.send_signal(number)
    rest, _ = program.communicate(timeout=WITHIN_S)
    assert program.returncode == 0, log.read_text()
    assert "Ending" in rest
    assert "Fatal Python error" not in log.read_text()
    deadline = time.monotonic() + WITHIN_S
    while psutil.wait_procs(below, timeout=1)[1] and time.monotonic() < deadline:
        continue
    assert [p.cmdline() for p in below if p.is_running()] == []
