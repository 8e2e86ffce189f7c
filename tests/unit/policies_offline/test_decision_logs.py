"""Live dispatch's decision log, evaluated against another policy."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from policies.__main__ import main
from policies.decision_files import write
from policies.decisions import Asked, Candidate, Decision, Outcome
from policies.last_idle import LastIdle
from policies.longest_idle import LongestIdle
from policies.offline import LogError, estimate
from policies.offline.decision_logs import from_decisions
from policies.random_eligible import RandomEligible
from policies.view import HOLD

SOLVES = {"a0": 0.9, "a1": 0.5, "a2": 0.2}


def decision(number: int, dice: Random) -> Decision:
    """Return a decision taken by lot among three agents; the idlest solves most."""
    agents = sorted(SOLVES)
    action = dice.choice(agents)
    at = 1_000.0 + 60 * number
    candidates = [
        Candidate(agent=agent, propensity=1 / 3, idle_since=float(place))
        for place, agent in enumerate(agents)
    ]
    busy = Candidate(agent="a9", reason="capacity", used=1)
    return Decision(
        id=str(number),
        at=at,
        org="acme",
        trigger="ContactWaiting",
        round=str(number),
        place=0,
        seed=number,
        policy="random_eligible",
        contact=Asked(session=str(number), queue="help", arrived_at=at, virtual_at=at),
        candidates=[*candidates, busy],
        agents_n=4,
        waiting_n=1,
        action=action,
        propensity=1 / 3,
        latency_s=0.001,
        result="offered",
        outcome=Outcome(
            decision=str(number),
            session=str(number),
            at=at + 50,
            solved=dice.random() < SOLVES[action],
            handle_s=50.0,
        ),
    )


@pytest.fixture(scope="module")
def rows() -> list[Decision]:
    dice = Random(1)
    return [decision(number, dice) for number in range(300)]


def test_a_deterministic_policy_is_asked_again_about_every_decision(rows: list[Decision]) -> None:
    for policy, agent in ((LongestIdle(), "a0"), (LastIdle(), "a2")):
        found = estimate(from_decisions(rows, policy, "solved", "log").logged, "snips")
        assert found.low <= SOLVES[agent] <= found.high


def test_a_policy_that_draws_lots_is_evaluated_by_its_probabilities(rows: list[Decision]) -> None:
    log = from_decisions(rows[:30], RandomEligible(), "solved", "log").logged
    assert log.weight.tolist() == [pytest.approx(1.0)] * 30


def test_decisions_without_an_outcome_or_in_part_are_left_out_and_counted(
    rows: list[Decision],
) -> None:
    replace = msgspec.structs.replace
    some = [replace(rows[0], outcome=None), replace(rows[1], detail="chosen"), *rows[2:10]]

    log = from_decisions(some, LongestIdle(), "solved", "log")

    assert log.logged.n == 8
    assert [text.split(":")[0] for text in log.warnings] == ["detail", "outcome"]


def test_holding_back_is_an_action(rows: list[Decision]) -> None:
    held = msgspec.structs.replace(
        rows[0],
        action=HOLD,
        propensity=0.4,
        hold_propensity=0.4,
        candidates=[
            msgspec.structs.replace(one, propensity=0.2 if one.eligible else 0.0)
            for one in rows[0].candidates
        ],
        result="held",
    )

    log = from_decisions([held], LongestIdle(), "solved", "log").logged

    assert log.logging[log.chosen].tolist() == [pytest.approx(0.4)]
    assert log.weight.tolist() == [0.0]


def test_a_reward_that_nobody_knows_is_refused(rows: list[Decision]) -> None:
    with pytest.raises(LogError, match="reward: 'joy'; allowed: solved, rating"):
        from_decisions(rows, LongestIdle(), "joy", "log")
    with pytest.raises(LogError, match=r"log: outcome.rating: in none of 300 rows"):
        from_decisions(rows, LongestIdle(), "rating", "log")


def test_evaluate_reads_the_log_of_live_dispatch(
    rows: list[Decision], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "decisions.parquet"
    write(path, rows)

    assert main(["evaluate", str(path), "--policy", "longest_idle"]) == 0
    told = capsys.readouterr().out
    assert "solved under longest_idle, 300 decisions" in told
    assert "switch_dr" in told
    assert main(["evaluate", str(path)]) == 2
    assert "--policy: missing; allowed" in capsys.readouterr().err
    cap = ["--policy", "fixed_cap", "--parameters"]
    assert main(["evaluate", str(path), *cap, '{"cap": 2}']) == 0
    assert main(["evaluate", str(path), *cap, '{"cap": 0}']) == 2
    assert "fixed_cap.cap" in capsys.readouterr().err
    assert main(["evaluate", str(path), *cap, "2"]) == 2
    assert "--parameters: 2; allowed: a JSON object" in capsys.readouterr().err
    assert main(["evaluate", str(path), "--policy", "nonsense"]) == 2
    assert "no policy named 'nonsense'" in capsys.readouterr().err
