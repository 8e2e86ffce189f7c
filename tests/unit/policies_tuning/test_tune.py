"""`python -m policies tune`, in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.__main__ import main
from policies.sim import Scenario, make_scenario
from policies.tuning.knobs import TUNABLE, knobs_of, policy_at
from policies.tuning.search import Search, distributions, search, usual
from policies.tuning.trial import Objective, Task, Trial, run_trial

CENTRE = """
name: Tiny
length: "01:00"
types:
  help: {arrivals: {per_hour: 60}, handle: {mean_s: 120}, patience: {mean_s: 60}}
  sales: {arrivals: {per_hour: 30}, handle: {mean_s: 120}, patience: {mean_s: 60}}
groups:
  all: {agents: 2, skills: {help: 1, sales: 1}, capacity: 2}
  more: {agents: 1, skills: {help: 1}}
"""
OWN = """
from policies.longest_idle import LongestIdle
class Mine(LongestIdle):
    name = "mine"
    knobs = {"keep": (0, 4), "share": (0.0, 1.0)}
    def __init__(self, keep=1, share=0.5):
        self.keep, self.share = keep, share
"""


@pytest.fixture
def centre(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(CENTRE, encoding="utf-8")
    return str(path)


def scenario() -> Scenario:
    kind = {"arrivals": {"per_hour": 60}, "handle": {"mean_s": 120}, "patience": {"mean_s": 60}}
    return make_scenario(
        {
            "length": 1_800,
            "types": {"help": kind, "sales": kind},
            "groups": {"all": {"agents": 3, "skills": {"help": 1, "sales": 1}, "capacity": 2}},
        }
    )


def test_tune_prints_a_frontier_and_writes_numbers_and_a_picture(
    centre: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, png = tmp_path / "out.json", tmp_path / "out.png"
    small = ["--trials", "4", "--replications", "2", "--workers", "1", "--agents", "1,2"]
    what = ["--policy", "fixed_cap", "--objective", "service_level", "--objective", "cost"]

    code = main(["tune", centre, *small, *what, "--json", str(out), "--plot", str(png)])

    told = json.loads(out.read_text())
    assert code == 0
    assert "fixed_cap on Tiny, 4 trials" in capsys.readouterr().out
    assert told["objectives"] == {"service_level": "max", "cost": "min"}
    assert told["trials"][0]["values"] == {"cap": 2, "agents": 1.0}
    assert told["trials"][0]["less_usual"]["cost"]["value"] == 0.0
    assert png.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("policy", sorted(TUNABLE))
def test_every_tunable_policy_runs_with_its_knobs_anywhere_between_their_bounds(
    policy: str,
) -> None:
    where = scenario()
    knobs = knobs_of(policy, where)
    task = Task(where, policy, (Objective.named("worth"),), 2, 1)
    ends = [{n: k.low for n, k in knobs.items()}, {n: k.high for n, k in knobs.items()}]
    for values in (usual(knobs), *ends):
        assert 0 <= run_trial(task, values).estimate("worth").value <= 1
    assert set(distributions(knobs)) == set(knobs)


def test_the_same_seed_searches_the_same_way() -> None:
    where = scenario()
    task = Task(where, "generalised_cmu", (Objective.named("mean_wait_s"),), 2, 3)
    knobs = knobs_of("generalised_cmu", where)
    first, again = (search(task, knobs, 5) for _ in range(2))
    assert first.table() == again.table()
    assert len({tuple(trial.values.items()) for trial in first.trials}) > 3


def found(*points: tuple[float, float]) -> Search:
    """Return a search whose trials came out at these points: service level, mean wait."""
    objectives = (Objective.named("service_level"), Objective.named("mean_wait_s"))
    task = Task(scenario(), "fixed_cap", objectives, 2, 1)
    trials = [
        Trial(
            {"cap": 1.0},
            {"service_level": ([a, a], [1.0, 1.0]), "mean_wait_s": ([b, b], [1.0, 1.0])},
        )
        for a, b in points
    ]
    return Search(task, {}, trials)


def test_the_frontier_holds_what_nothing_beats() -> None:
    nan = float("nan")
    assert found((0.8, 30), (0.9, 40), (0.7, 35), (0.8, 30), (nan, 1)).frontier() == [1, 0]
    assert found((0.8, 30), (0.9, 20)).frontier() == [1]


def test_ones_own_policy_says_what_can_be_turned(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    own, where = f"{path}:Mine", scenario()
    knobs = knobs_of(own, where)
    assert usual(knobs) == {"keep": 2, "share": 0.5}
    policy = policy_at(own, where, {"keep": 3.0, "share": 0.25})
    assert (policy.keep, policy.share) == (3, 0.25)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--policy", "longest_idle"], "policy: 'longest_idle' has no knobs; allowed: batch_"),
        (["--policy", "nonsense"], "policy: no 'nonsense'"),
        (["--objective", "joy"], "objective: 'joy'; allowed: contacts_n, blocked"),
        (["--agents", "2,1"], "--agents: '2,1'; allowed: LOW,HIGH above 0"),
    ],
)
def test_what_cannot_be_tuned_is_told(
    centre: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", centre, "--policy", "fixed_cap", *given]) == 2
    assert said in capsys.readouterr().err
