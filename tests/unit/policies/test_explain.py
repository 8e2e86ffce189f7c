"""Decisions in words: both languages, every reason and result, and the command line."""

import json
from typing import get_args

import msgspec
import pytest

from policies.__main__ import main
from policies.decision_files import write
from policies.decisions import Asked, Candidate, Decision, Ending, Outcome, Result
from policies.eligibility import REASONS
from policies.explain import _ENDINGS, _REASONS, _RESULTS, explain
from policies.rounds import rows_of
from tests.unit.policies.test_decision_log import round_of


def row(**fields) -> Decision:
    made = Decision(
        id="77",
        at=100.0,
        org="acme",
        trigger="Release",
        round="77",
        place=0,
        seed=5,
        policy="weighted",
        contact=Asked(
            session="9", queue="sales", needs={"sql": 3}, arrived_at=60.0, virtual_at=-20.0, vip=2
        ),
        candidates=[
            Candidate(agent="ann", propensity=1.0, scores={"share": 0.25}),
            Candidate(agent="bob", reason="skill"),
            Candidate(agent="cat", reason="not_available"),
        ],
        agents_n=3,
        waiting_n=1,
        action="ann",
        latency_s=0.002,
        result="offered",
    )
    return msgspec.structs.replace(made, **fields)


def test_english_says_what_was_asked_who_could_and_why_not():
    text = explain(row(), "en")
    for part in (
        "contact 9 of queue sales had waited 40.0 s",
        "virtual age was 120.0 s (VIP level 2)",
        "needed sql 3",
        "Of 3 agents 1 could take it (ann)",
        "1 lacks a skill or its level",
        "1 not available",
        "Policy weighted chose agent ann with probability 1",
        "share 0.25",
    ):
        assert part in text


def test_chinese_says_the_same():
    text = explain(row(), "zh")
    for part in (
        "已等待 40.0 秒",
        "3 名客服中 1 名可接（ann）",
        "缺少技能",
        "选择客服 ann",
        "评分 ann",
    ):
        assert part in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_words(language):
    assert set(_REASONS[language]) == set(REASONS)
    assert set(_RESULTS[language]) == set(get_args(Result))
    assert set(_ENDINGS[language]) == set(get_args(Ending))


def test_fallbacks_guards_holding_back_and_outcomes_are_told():
    outcome = Outcome(decision="77", session="9", at=1.0, ending="declined", wait_s=3.0)
    fields = {"fallback_level": 1, "fallback_reason": "learned: late", "guards": ["max_wait"]}
    text = explain(row(action="", result="held", outcome=outcome, **fields), "en")
    for part in ("nobody", "held it back", "learned: late", "max_wait", "declined, waited 3.0 s"):
        assert part in text


def test_what_became_known_later_is_told_in_both_languages():
    outcome = Outcome(
        decision="77",
        session="9",
        at=1.0,
        transfers_n=1,
        solved=False,
        abandoned=False,
        recontact_7d=True,
    )
    english, chinese = (explain(row(outcome=outcome), language) for language in ("en", "zh"))
    assert "What came of it: handed on, not solved, asked again within 7 days." in english
    assert "结果：已转接，未解决，7 天内再次来访。" in chinese


@pytest.fixture
def log(tmp_path):
    made = round_of(4, "longest_idle")
    assert made is not None
    rows = [msgspec.structs.replace(row, id=f"4{row.place}") for row in rows_of(made)]
    write(tmp_path / "log.parquet", rows)
    return str(tmp_path)


def test_the_command_explains_replays_and_prints_json(log, capsys):
    assert main(["explain", log, "--replay", "--lang", "zh"]) == 0
    assert "replay: the same" in capsys.readouterr().out
    assert main(["explain", "40", "--log", log, "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["40"]
    assert main(["explain", "77", "--log", log]) == 1
    assert "no such decision" in capsys.readouterr().err


def test_bad_input_is_an_error_that_names_it(tmp_path, capsys):
    (tmp_path / "x.parquet").write_bytes(b"rubbish")
    assert main(["explain", str(tmp_path)]) == 2
    assert "x.parquet: not a Parquet file" in capsys.readouterr().err
