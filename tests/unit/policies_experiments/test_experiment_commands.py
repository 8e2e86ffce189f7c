"""`python -m policies experiment`, as an experimenter meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from policies.__main__ import main
from policies.decisions import Asked, Candidate, Decision, Outcome
from policies.experiments.commands import read_design
from policies.experiments.contacts import from_decisions
from policies.offline import LogError

DESIGN = """
experiment: new-rule
candidate: {policy: least_busy}
start: 1767571200
end: 1769385600
block_s: 7200
burn_in_s: 1800
seed: 5
zone: Asia/Shanghai
"""


@pytest.fixture
def design(tmp_path: Path) -> Path:
    path = tmp_path / "design.yaml"
    path.write_text(DESIGN)
    return path


def contacts(design: Path, path: Path, effect: float, *, arm: bool = True) -> Path:
    """Write a table of contacts, 20 a block, better in arm 1 by `effect`."""
    _, plan = read_design(design)
    dice = np.random.default_rng(1)
    at = plan.start + np.sort(dice.random(plan.blocks_n * 20)) * plan.blocks_n * plan.block_s
    arms = np.array([plan.arm_at(t) for t in at])
    reward = dice.normal(0.5 + effect * arms, 0.3)
    lines = ["at,reward,arm" if arm else "at,reward"]
    lines += [
        f"{t},{r},{a}" if arm else f"{t},{r}" for t, r, a in zip(at, reward, arms, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_plan_shows_every_block_in_local_time(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan.json"

    assert main(["experiment", "plan", "--design", str(design), "--json", str(out)]) == 0

    told = json.loads(out.read_text())
    assert "new-rule: 252 blocks" in capsys.readouterr().out
    assert told["blocks"][0]["from"] == "Mon 2026-01-05 08:00"
    assert {block["arm"] for block in told["blocks"]} == {"live", "candidate"}


def test_analyse_finds_the_lift_and_draws_it(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out, png = tmp_path / "c.csv", tmp_path / "out.json", tmp_path / "out.png"
    contacts(design, log, 0.1)
    given = ["--design", str(design), "--json", str(out), "--plot", str(png)]

    assert main(["experiment", "analyse", str(log), *given]) == 0

    told = json.loads(out.read_text())
    assert told["adjusted"]["low"] < 0.1 < told["adjusted"]["high"]
    assert told["look"]["stop"]
    assert told["p_value"] < 0.01
    assert set(told["by_burn_in_s"]) == {"0.0", "900.0", "1800.0", "2700.0"}
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert "may stop" in capsys.readouterr().out


def test_planned_looks_say_whether_to_go_on(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = contacts(design, tmp_path / "c.csv", 0.0, arm=False)
    given = [str(log), "--design", str(design), "--looks"]

    assert main(["experiment", "analyse", *given, "0.5,1"]) == 0
    assert "go on" in capsys.readouterr().out
    assert main(["experiment", "analyse", *given, "1,0.5"]) == 2
    assert "shares: (1.0, 0.5); allowed: ascending" in capsys.readouterr().err


def test_a_decision_log_tells_of_its_experiment_and_warns_of_who_is_missing(design: Path) -> None:
    _, plan = read_design(design)
    row = Decision(
        id="1", at=plan.start + 9.0, org="acme", trigger="ContactWaiting", round="1", place=0,
        seed=1, policy="longest_idle", agents_n=1, waiting_n=1, action="a0", latency_s=0.001,
        contact=Asked(session="1", queue="q", arrived_at=plan.start, virtual_at=plan.start),
        candidates=[Candidate(agent="a0", propensity=1.0)], result="offered",
        experiment="new-rule",
        outcome=Outcome(decision="1", session="1", at=plan.start + 60.0, solved=True),
    )  # fmt: skip
    found = from_decisions([row], "solved", "new-rule", "log")
    assert (found.at.tolist(), found.reward.tolist()) == ([plan.start], [1.0])
    assert "left before any decision" in found.warnings[0]
    with pytest.raises(LogError, match=r"log: outcome.solved: in no decision of experiment 'x'"):
        from_decisions([row], "solved", "x", "log")
    with pytest.raises(LogError, match="reward: 'joy'; allowed: solved"):
        from_decisions([row], "joy", "new-rule", "log")


def test_an_experiment_that_did_not_run_as_designed_is_told(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = contacts(design, tmp_path / "c.csv", 0.1)
    other = tmp_path / "other.yaml"
    other.write_text(DESIGN.replace("seed: 5", "seed: 6"))

    assert main(["experiment", "analyse", str(log), "--design", str(other)]) == 2
    assert "as the design says;" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("block_s: 5000", "block_s: 5000.0; allowed with hours"),
        ("blocks: 3", "blocks: unknown; allowed: experiment, live, candidate"),
        ("- 1", "allowed: a mapping with experiment, live"),
        ("zone: Atlantis", "zone: 'Atlantis'; allowed: a name such as Asia/Shanghai"),
    ],
)
def test_a_design_that_is_wrong_is_told_with_its_file(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    assert main(["experiment", "plan", "--design", str(path)]) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert said in error
