"""The examination itself: its numbers by hand, its sets, and what it prints."""

import json

import numpy as np
import pytest

from bot.datasets import DatasetError, base_of, load_dataset, read_reviewed
from bot.evaluating import (
    calibrate,
    calibration_error_of,
    examine,
    examine_dataset,
    stranger_recall,
    threshold_for,
)
from bot.reporting import dataset_table, lines_of
from bot.thresholds import Judged
from tests.support.chinese_shop import ASKED, STRANGE, WORDINGS, learned_shop

NOW = 1_800_000_000.0


def test_the_recall_of_strangers_by_hand():
    judged = Judged(
        confidence=np.ones(8),
        known=np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.75, 0.65, 0.1]),
        right=np.array([True, True, True, True, False, False, False, False]),
        stranger=np.array([False] * 5 + [True] * 3),
    )
    assert threshold_for(judged, 0.8) == 0.6
    assert stranger_recall(judged, 0.8) == pytest.approx(1 / 3)
    assert threshold_for(judged, 0.6) == 0.7
    assert stranger_recall(judged, 0.6) == pytest.approx(2 / 3)
    assert stranger_recall(judged, 0.95) == 0


def test_the_calibration_error_leaves_strangers_out():
    judged = Judged(
        confidence=np.array([0.9, 0.9, 0.99]),
        known=np.ones(3),
        right=np.array([True, False, False]),
        stranger=np.array([False, False, True]),
    )
    assert calibration_error_of(judged) == pytest.approx(0.4)
    strange = np.ones(1, bool)
    only = Judged(confidence=np.ones(1), known=np.ones(1), right=~strange, stranger=strange)
    assert calibration_error_of(only) == 0


def test_marks_of_the_shop():
    bot = learned_shop()
    asked = [*ASKED, *((text, "") for text in STRANGE)]
    marks = examine(bot, asked, NOW)
    assert (marks.questions_n, marks.strangers_n) == (len(ASKED), len(STRANGE))
    assert marks.accuracy >= 0.9
    assert marks.accuracy <= marks.hit_5 <= 1
    assert marks.answer_precision >= marks.answer_precision_all
    eager = examine(calibrate(bot, asked * 2, 0.5, NOW), asked, NOW)
    assert eager.answered >= marks.answered


def test_a_set_of_two_csv_files_is_learned_and_examined(tmp_path):
    for name, start in (("train", 0), ("test", 3)):
        lines = [f'"{t}",{n}' for n, own in WORDINGS.items() for t in own[start : start + 3]]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,category", *lines]), "utf-8")
    data = load_dataset("csv", tmp_path)
    assert len(data.base().topics) == len(WORDINGS)
    result = examine_dataset(data, seeds=1, target_precision=0.9, now=NOW, tell=lambda _: None)
    table = dataset_table(result)
    assert "cold start, 5 wordings a topic" in table
    assert 0.2 < result["marks"].accuracy <= 1


def test_clinc_is_read_with_its_strangers(tmp_path):
    part = [["book a flight", "flight"], ["play a song", "song"]]
    odd = [["why is the sky blue", "oos"]]
    content = dict.fromkeys(("train", "val", "test"), part)
    content |= {f"oos_{name}": odd for name in ("train", "val", "test")}
    (tmp_path / "data_full.json").write_text(json.dumps(content))
    data = load_dataset("clinc150", tmp_path)
    assert data.base().strangers == ("why is the sky blue",)
    assert data.test[-1] == data.validation[-1] == ("why is the sky blue", "")
    assert [topic.id for topic in data.base().topics] == ["flight", "song"]


def test_a_folder_without_the_set_is_named(tmp_path):
    with pytest.raises(DatasetError, match="banking77"):
        load_dataset("banking77", tmp_path)
    (tmp_path / "data_full.json").write_text("[1]")
    with pytest.raises(DatasetError, match="clinc150"):
        load_dataset("clinc150", tmp_path)


def test_reviewed_questions_may_say_that_nothing_fits(tmp_path):
    file = tmp_path / "reviewed.csv"
    file.write_text("text,topic\nhello,greet\nsky,oos\nsea,\n")
    assert read_reviewed(file) == [("hello", "greet"), ("sky", ""), ("sea", "")]


def test_wordings_without_a_topic_are_left_out_of_a_base():
    assert base_of([("a", "x"), ("b", "")], "n").topics[0].phrasings() == ("a",)


def test_lines_show_nested_values():
    assert lines_of({"a": {"b": 0.5}, "c": [{"d": 1}]}) == "a:\n  b: 0.5000\nc: 1\n  d 1"
