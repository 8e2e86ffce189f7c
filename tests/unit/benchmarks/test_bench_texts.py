"""The load says real sentences of 20 to 200 characters, in both languages."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.texts import LONGEST, SHORTEST, fit, load_texts


def test_the_built_in_sentences_fit_and_come_in_both_languages() -> None:
    texts = load_texts(None)
    assert all(SHORTEST <= len(text) <= LONGEST for text in texts)
    assert any(text.isascii() for text in texts)
    assert any("您" in text for text in texts)


def test_short_sentences_are_joined_and_long_ones_cut() -> None:
    assert fit(["好的", "谢谢您", "请问还有什么可以帮您的吗？再见"]) == [
        "好的 谢谢您 请问还有什么可以帮您的吗？再见"
    ]
    assert [len(text) for text in fit(["x" * 500])] == [LONGEST]


def test_dialogues_tables_and_plain_text_are_understood(tmp_path: Path) -> None:
    sentence = "Where is the parcel that I ordered last week?"
    dialogue = {"turns": [{"role": "customer", "text": sentence}]}
    contents = {
        "a.jsonl": msgspec.json.encode(dialogue).decode() + "\n",
        "a.csv": f'text,category\n"{sentence}",parcel\n',
        "a.txt": sentence + "\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert load_texts(tmp_path / name) == [sentence]


def test_a_file_without_a_sentence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(ValueError, match="no sentence"):
        load_texts(tmp_path / "empty.txt")
