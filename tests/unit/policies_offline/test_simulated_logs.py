"""From a simulated centre's log to a policy's value, where the simulator knows the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.__main__ import main
from policies.decisions import check
from policies.exploring.near_ties import ExploreNearTies
from policies.offline import evaluate
from policies.offline.decision_logs import DecisionLog, from_decisions
from policies.offline.interference import warning_of
from policies.offline.reward_model import with_means
from policies.offline.simulated_log import simulated_log
from policies.random_eligible import RandomEligible
from policies.sim import Scenario, make_scenario, simulate
from policies.value_greedy import ValueGreedy
from policies.view import Policy

CENTRE = """
length: {length}
types:
  help: {{arrivals: {{per_hour: {per_hour}}}, handle: {{mean_s: 60}}, needs: {{}}}}
  sales: {{arrivals: {{per_hour: {per_hour}}}, handle: {{mean_s: 60}}, needs: {{}}}}
groups:
  a: {{agents: 4, skills: {{help: 1}}, solve: {{help: 0.9, sales: 0.3}}}}
  b: {{agents: 4, skills: {{help: 1}}, solve: {{help: 0.4, sales: 0.7}}}}
"""
WORTH = {("a", "help"): 0.9, ("a", "sales"): 0.3, ("b", "help"): 0.4, ("b", "sales"): 0.7}


def centre(per_hour: float, contacts: float) -> Scenario:
    kind = {"arrivals": {"per_hour": per_hour}, "handle": {"mean_s": 60}, "needs": {}}
    solve = [{"help": 0.9, "sales": 0.3}, {"help": 0.4, "sales": 0.7}]
    return make_scenario(
        {
            "length": contacts / per_hour / 2 * 3600,
            "types": {"help": kind, "sales": kind},
            "groups": {
                name: {"agents": 4, "skills": {"help": 1}, "solve": chances}
                for name, chances in zip("ab", solve, strict=True)
            },
        }
    )


def logged(scenario: Scenario, logging: Policy, target: Policy) -> DecisionLog:
    rows = check(simulated_log(scenario, logging, seed=3), "log")
    return from_decisions(rows, target, "solved", "log")


@pytest.mark.slow
@pytest.mark.parametrize("logging", [RandomEligible, lambda: ExploreNearTies(epsilon=1.0)])
def test_in_a_quiet_centre_the_log_knows_what_another_policy_is_worth(logging: type) -> None:
    scenario, target = centre(per_hour=20, contacts=800), ValueGreedy(WORTH)
    log = logged(scenario, logging(), target)
    found = evaluate(with_means(log.logged, log.cell))
    truth = simulate(scenario, target, replications=5).measure("solved").value

    assert truth > 0.75
    for name in ("ips", "snips", "dr", "switch_dr"):
        one = found.estimates[name]
        assert one.low - 0.02 < truth < one.high + 0.02, name
    assert found.lifts["dr"].low > 0.1


@pytest.mark.slow
def test_in_a_busy_centre_the_log_is_wrong_about_the_whole_and_warns_of_it() -> None:
    """A policy that also chooses the contact for a free agent frees better pairs for later."""
    scenario, target = centre(per_hour=225, contacts=1_000), ValueGreedy(WORTH, sides="both")
    log = logged(scenario, RandomEligible(), target)
    found = evaluate(with_means(log.logged, log.cell))
    truth = simulate(scenario, target, replications=5).measure("solved").value

    assert found.estimates["dr"].high < truth - 0.03
    assert log.interference.full_n > 0
    assert "compete for the same agents" in str(warning_of(log.interference))


def test_log_writes_what_evaluate_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "centre.yaml", tmp_path / "log.parquet"
    path.write_text(CENTRE.format(length=3_600, per_hour=60))

    assert main(["log", str(path), str(out), "--parameters", '{"epsilon": 0.5}']) == 0
    assert "decisions of explore" in capsys.readouterr().out
    assert main(["evaluate", str(out), "--policy", "longest_idle"]) == 0
    assert "warning: interference" in capsys.readouterr().out
    assert main(["log", str(path), str(tmp_path / "log.csv")]) == 2
    assert "allowed: a file that ends in .parquet" in capsys.readouterr().err
