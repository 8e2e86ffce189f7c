"""`python -m bot`: from a table to a model, an answer, new bands and a table again."""

import json
from typing import Any

import pytest

from bot.__main__ import main
from bot.tables import TELL_N, export_base
from tests.support.chinese_shop import ASKED, chinese_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bot")
    (folder / "shop.csv").write_bytes(export_base(chinese_shop(), "csv"))
    lines = [f"{text},{topic}" for text, topic in ASKED * 2]
    (folder / "reviewed.csv").write_text("\n".join(["text,topic", *lines]), "utf-8")
    assert main(["train", str(folder / "shop.csv"), "--out", str(folder / "m.npz")]) == 0
    return folder


def _run(capsys, *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json", "--quiet"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def test_a_model_answers_and_explains(folder, capsys):
    one, other = _run(capsys, "ask", str(folder / "m.npz"), "我要退款", "天气", "--explain")
    assert one["topic"] == "refund"
    assert one["explanation"]["nearest"][0][1] == "refund"
    assert other["band"] != "answer"
    assert main(["ask", str(folder / "m.npz"), "怎么申请退款"]) == 0
    assert "answer (exact)" in capsys.readouterr().out


def test_bands_come_from_reviewed_questions(folder, capsys):
    reviewed = str(folder / "reviewed.csv")
    words = ["calibrate", str(folder / "m.npz"), "--reviewed", reviewed, "--target", "0.6"]
    told = _run(capsys, *words, "--out", str(folder / "c.npz"))
    assert told["thresholds"]["target_precision"] == 0.6
    marks = _run(capsys, "evaluate", str(folder / "c.npz"), "--reviewed", reviewed)
    assert marks["answered"] == told["marks"]["answered"]


def test_what_was_trained_is_exported_and_imported_again(folder, capsys):
    out = str(folder / "again.yaml")
    assert _run(capsys, "export", str(folder / "m.npz"), "--out", out)["topics"] == 10
    told = _run(capsys, "import", out, "--out", str(folder / "again.xlsx"))
    assert told == {"topics": 10, "bad": [], "problems": told["problems"]}


def test_bad_rows_are_told_with_their_numbers(folder, capsys):
    bad = folder / "bad.csv"
    bad.write_text("id,question\na,Where?\nb,\n")
    assert main(["import", str(bad)]) == 0
    assert "row 3: question: empty" in capsys.readouterr().out
    assert main(["import", str(bad), "--all-or-none"]) == 1


def test_long_work_on_a_table_says_how_far_it_is_unless_told_to_be_quiet(folder, capsys):
    table, out = folder / "long.csv", folder / "longer.csv"
    rows = "".join(f"t{n},Question {n}?\n" for n in range(TELL_N + 1))
    table.write_text(f"id,question\n{rows}")
    assert main(["export", str(table), "--out", str(out)]) == 0
    told = capsys.readouterr().err.splitlines()
    steps = ["reading", f"{TELL_N:,} rows", f"checking {TELL_N + 1:,}", f"writing {TELL_N + 1:,}"]
    assert [line.startswith(step) for line, step in zip(told, steps, strict=True)] == [True] * 4
    assert main(["export", str(table), "--out", str(out), "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_an_export_tells_what_it_leaves_out(folder, capsys):
    bad = folder / "worse.csv"
    bad.write_text("id,question,related\na,Where?,\nb,,\nc,When?,nowhere\n")
    assert main(["export", str(bad), "--out", str(folder / "worse.yaml")]) == 0
    told = capsys.readouterr().err
    assert "row 3: question: empty" in told
    assert "row 4: c: related_unknown: the related topic 'nowhere' does not exist" in told


def test_what_excel_cannot_hold_is_said(folder, capsys):
    long = folder / "long.csv"
    wordings = "\n".join("x" * 1900 + str(n) for n in range(20))
    long.write_text(f'id,question,similar\na,Where?,"{wordings}"\n')
    assert main(["export", str(long), "--out", str(folder / "long.xlsx")]) == 1
    assert "use csv or yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["ask", "missing.csv", "hello"],
        ["ask", "shop.exe", "hello"],
        ["evaluate"],
        ["evaluate", "--dataset", "clinc150", "--data", "nowhere"],
    ],
)
def test_what_cannot_be_done_is_said(words, capsys):
    assert main(words) == 1
    assert capsys.readouterr().err


def test_progress_goes_to_standard_error(folder, capsys):
    capsys.readouterr()
    assert main(["train", str(folder / "shop.csv"), "--out", str(folder / "n.npz"), "--json"]) == 0
    told = capsys.readouterr()
    assert "100% done" in told.err
    assert json.loads(told.out)["wordings"] == 60
