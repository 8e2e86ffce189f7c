"""`python -m policies promote`, from the first estimate to the roll-back."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import msgspec
import pytest

from policies import registry
from policies.__main__ import main
from policies.checks import centres
from policies.decision_files import write
from policies.decisions import Asked, Candidate, Decision, Outcome, Scene
from policies.experiments.arms import CANDIDATE, ByContact, Whole, arm_of
from policies.experiments.shadow import Shadow
from policies.exploring.near_ties import ExploreNearTies
from policies.last_idle import LastIdle
from policies.longest_idle import LongestIdle
from policies.promotion.evidence import Lift, Offline, Ramped
from policies.promotion.files import PromotionFileError, load, load_evidence, load_gates, save
from policies.promotion.gates import ORDER, Stage
from policies.promotion.machine import Promotion
from policies.promotion.routing import setting
from policies.promotion.sources import ramped, shadowed, shadowed_afterwards
from policies.view import Match, QueueView, View

N = 600
RAMPS = (Stage.RAMP_1, Stage.RAMP_5, Stage.RAMP_25, Stage.RAMP_50)
GOOD = Offline("dr", Lift(0.1, 0.05, 0.15), 900.0, 0.0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "promotion.json"
    begin = ["--experiment", "idle", "--candidate", "last_idle", "--live", "longest_idle"]
    assert main(["promote", "start", str(path), *begin]) == 0
    return path


def evidence(path: Path, what: object) -> str:
    path.write_bytes(msgspec.json.encode(what))
    return str(path)


def decision(number: int, arm: str, *, solved: bool, wait_s: float) -> Decision:
    at = 1e12 + 180.0 * number  # after any test's start
    asked = Asked(
        session=str(number),
        queue="help",
        arrived_at=at,
        virtual_at=at,
        vip=int(number % 5 == 0),
        lang="zh" if number % 2 else "en",
    )
    agents = [Candidate(agent=f"a{n}", propensity=float(n == 0)) for n in range(2)]
    return Decision(
        id=str(number), at=at, org="acme", trigger="ContactWaiting", round=str(number), place=0,
        seed=1, policy="idle", contact=asked, candidates=agents, agents_n=2, waiting_n=1,
        action="a0", latency_s=0.001, result="offered", experiment="idle", arm=arm,
        shadow={"last_idle": "a1" if number % 4 else "a0"},
        scene=Scene(contacts=[asked], queues=[QueueView(id="help", service_level_s=30)], limit=1),
        outcome=Outcome(
            decision=str(number), session=str(number), at=at, ending="accepted", wait_s=wait_s,
            abandoned=False, solved=solved,
        ),
    )  # fmt: skip


def log(harm: float) -> list[Decision]:
    """Return two days of which the candidate has a quarter, and solves less by `harm`."""
    dice = Random(4)
    rows = []
    for number in range(N):
        arm = arm_of(str(number), "idle", 0.25)
        solved = dice.random() < 0.8 - (harm if arm == CANDIDATE else 0.0)
        rows.append(decision(number, arm, solved=solved, wait_s=25.0 if number % 3 else 35.0))
    return rows


def test_a_candidate_goes_through_the_gates_one_by_one(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = evidence(tmp_path / "proof.json", GOOD)

    assert main(["promote", "advance", str(state), "--from", "offline"]) == 1
    assert "refused: offline: no evidence yet" in capsys.readouterr().out
    assert main(["promote", "submit", str(state), "--evidence", proof]) == 0
    assert main(["promote", "advance", str(state), "--from", "offline"]) == 0
    assert main(["promote", "submit", str(state), "--evidence", proof]) == 1
    assert "simulator: asks for simulator, not offline" in capsys.readouterr().out
    assert main(["promote", "advance", str(state), "--from", "shadow"]) == 1
    assert main(["promote", "status", str(state), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("{")[2].join(["{", ""]))
    assert (told["stage"], told["share"], told["attempt"]) == ("simulator", 0.0, 1)


def test_the_simulator_says_whether_a_candidate_is_better(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(state, msgspec.structs.replace(load(state), stage=Stage.SIMULATOR), load(state))
    centre = tmp_path / "tiny.yaml"
    centre.write_text(
        'length: "01:00"\nreplications: 3\ntypes:\n'
        "  help: {arrivals: {per_hour: 60}, handle: {mean_s: 60}}\n"
        "groups: {all: {agents: 2, skills: {help: 1}}}\n"
    )

    assert main(["promote", "submit", str(state), "--scenario", str(centre)]) == 1
    assert "lift.low: 0; allowed: above 0" in capsys.readouterr().out


@pytest.mark.parametrize(("harm", "code", "stage"), [(0.0, 0, "ramp_25"), (0.3, 0, "rolled_back")])
def test_watching_takes_back_a_candidate_that_does_harm(
    state: Path, tmp_path: Path, harm: float, code: int, stage: str
) -> None:
    save(state, msgspec.structs.replace(load(state), stage=Stage.RAMP_25), load(state))
    rows = tmp_path / "log.parquet"
    write(rows, log(harm))

    assert main(["promote", "watch", str(state), "--log", str(rows)]) == code
    assert load(state).stage == stage
    if harm:
        assert "breach: solved: " in load(state).history[-1].why
        assert main(["promote", "restart", str(state)]) == 0
        assert (load(state).stage, load(state).attempt) == (Stage.OFFLINE, 2)
    else:
        assert main(["promote", "submit", str(state), "--log", str(rows)]) == 0
        assert main(["promote", "advance", str(state), "--from", "ramp_25"]) == 0
        assert main(["promote", "roll-back", str(state), "--why", "moved offices"]) == 0
        assert load(state).history[-1].why == "moved offices"


def test_arms_are_compared_over_all_and_by_group() -> None:
    found = ramped(log(0.0), "idle", 0.0)
    seen = {(c.measure, c.group): c for c in found.comparisons}
    assert {group for measure, group in seen if measure == "solved"} == {
        "", "vip=yes", "vip=no", "lang=zh", "lang=en", "queue=help",
    }  # fmt: skip
    assert seen["service_level", ""].live == pytest.approx(2 / 3, abs=0.06)
    assert found.hours == pytest.approx(N / 20, abs=1)
    assert ramped(log(0.0), "another", 0.0) == Ramped((), 0.0)


def test_shadows_are_counted_from_the_log() -> None:
    found = shadowed(log(0.0), "last_idle", 0.0)
    assert (found.decisions_n, found.answered_n, found.agreed_n) == (N, N, N // 4)
    assert shadowed(log(0.0), "never_asked", 0.0).answered_n == 0


class Unsure(LastIdle):
    """Raises at every second contact."""

    def decide(self, view: View, rng: Random) -> list[Match]:
        if int(next(view.contacts()).id) % 2:
            raise RuntimeError("no idea")
        return super().decide(view, rng)


def test_a_candidate_may_be_asked_afterwards_about_what_the_log_holds_whole() -> None:
    rows = log(0.0)
    found = shadowed_afterwards(rows, LastIdle(), 0.0)
    assert (found.decisions_n, found.answered_n, found.agreed_n) == (N, N, N)
    unsure = shadowed_afterwards(rows, Unsure(), rows[N // 2].at)
    assert (unsure.decisions_n, unsure.answered_n) == (N // 2, N // 4)
    thin = [msgspec.structs.replace(row, detail="chosen") for row in rows]
    assert shadowed_afterwards(thin, LastIdle(), 0.0).decisions_n == 0


def test_a_model_on_trial_has_its_live_name_in_settings_and_no_live_shadow() -> None:
    asked = {
        stage: setting(msgspec.structs.replace(promotion(stage), candidate="learned@models"))
        for stage in ORDER
    }
    assert asked[Stage.SHADOW].policy == "longest_idle"
    assert asked[Stage.RAMP_5].policy_params["candidate"]["policy"] == "learned"
    assert asked[Stage.LIVE].policy_params["policy"] == "learned"


def test_each_stage_asks_for_a_policy_that_a_queue_may_have() -> None:
    kinds: dict[Stage, type] = {
        Stage.SHADOW: Shadow,
        Stage.EXPLORATION: ExploreNearTies,
        **dict.fromkeys(RAMPS, ByContact),
        Stage.LIVE: Whole,
    }
    for stage in (*ORDER, Stage.ROLLED_BACK):
        asked = setting(promotion(stage))
        made = registry.make(asked.policy, asked.policy_params)
        assert isinstance(made, kinds.get(stage, LongestIdle))
        for seed, view in centres(n=3):
            made.decide(view, Random(seed))


def test_a_ramp_gives_the_candidate_its_share() -> None:
    shares = [setting(promotion(stage)).policy_params["share"] for stage in RAMPS]
    assert shares == [0.01, 0.05, 0.25, 0.5]


def promotion(stage: Stage) -> Promotion:
    return Promotion(
        experiment="x",
        candidate="fixed_cap",
        candidate_parameters={"cap": 2},
        live="longest_idle",
        stage=stage,
        since=0.0,
    )


def test_settings_are_printed_and_parameters_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "cap.json")
    begin = ["promote", "start", path, "--experiment", "cap", "--live", "longest_idle"]
    begin += ["--candidate", "fixed_cap", "--candidate-parameters"]
    for wrong, said in (("2", "--candidate-parameters: "), ('{"cap": 0}', "fixed_cap.cap")):
        assert main([*begin, wrong]) == 2
        assert said in capsys.readouterr().err
    assert main([*begin, '{"cap": 2}']) == 0
    capsys.readouterr()
    assert main(["promote", "settings", path]) == 0
    assert json.loads(capsys.readouterr().out) == {"policy": "longest_idle", "policy_params": {}}


def test_two_who_change_one_promotion_are_told(state: Path) -> None:
    before = load(state)
    first = msgspec.structs.replace(before, stage=Stage.SIMULATOR)
    save(state, first, before)
    with pytest.raises(PromotionFileError, match="was changed meanwhile"):
        save(state, msgspec.structs.replace(before, attempt=2), before)
    assert load(state) == first


def test_files_that_are_wrong_are_told_where(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"version": 9, "promotion": ' + json.dumps(_plain(state)) + "}")
    with pytest.raises(PromotionFileError, match=r"bad.json: version: 9; allowed: 1"):
        load(bad)
    bad.write_text('{"type": "offline", "lift": 3}')
    with pytest.raises(PromotionFileError, match=r"bad.json: .*lift"):
        load_evidence(bad)
    bad.write_text('{"harms": 3}')
    with pytest.raises(PromotionFileError, match=r"bad.json: .*harms"):
        load_gates(bad)
    assert main(["promote", "status", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read" in capsys.readouterr().err
    begin = ["--experiment", "x", "--candidate", "nonsense", "--live", "longest_idle"]
    assert main(["promote", "start", str(tmp_path / "new.json"), *begin]) == 2
    assert "nonsense" in capsys.readouterr().err


def _plain(state: Path) -> object:
    return json.loads(state.read_text())["promotion"]
