"""Tuning by Ray Tune: the same trials as in one process, on a Ray of its own.

Runs the command as a person would: Ray Tune leaves threads and a cluster behind that must not meet
the cluster of other tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policies.sim import read_scenario
from policies.tuning.trial import Objective, Task, run_trial

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
CENTRE = """
length: "01:00"
types:
  help: {arrivals: {per_hour: 60}, handle: {mean_s: 120}, patience: {mean_s: 60}}
groups:
  all: {agents: 2, skills: {help: 1}, capacity: 3}
"""


def test_ray_tune_finds_trials_that_come_out_as_in_one_process(tmp_path: Path) -> None:
    centre, out = tmp_path / "tiny.yaml", tmp_path / "out.json"
    centre.write_text(CENTRE)
    small = ["--trials", "4", "--replications", "2", "--workers", "2", "--policy", "fixed_cap"]
    command = [sys.executable, "-m", "policies", "tune", str(centre), *small, "--json", str(out)]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}

    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )

    assert done.returncode == 0, done.stderr
    trials = json.loads(out.read_text())["trials"]
    objectives = (Objective.named("worth"), Objective.named("mean_wait_s"))
    scenario = read_scenario(centre)
    task = Task(scenario, "fixed_cap", objectives, 2, scenario.seed)
    assert trials[0]["values"] == {"cap": 3}
    assert len(trials) == 4
    for trial in trials:
        alone = run_trial(task, trial["values"])
        for name in ("worth", "mean_wait_s"):
            assert trial["objectives"][name]["value"] == alone.estimate(name).value
