"""A saved understanding comes back the same, and nothing else comes back at all."""

import io
import zipfile

import msgspec
import numpy as np
import pytest

from bot.answering import Understanding
from bot.saving import FORMAT_VERSION, ModelFileError, dump, load
from tests.support.chinese_shop import ASKED, learned_shop

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def saved() -> tuple[Understanding, bytes]:
    bot = learned_shop()
    return bot, dump(bot)


def _changed(data: bytes, **arrays) -> bytes:
    with np.load(io.BytesIO(data)) as file:
        parts = {name: file[name] for name in file.files} | arrays
    out = io.BytesIO()
    np.savez(out, **{name: part for name, part in parts.items() if part is not None})
    return out.getvalue()


def test_it_decides_the_same_after_coming_back(saved):
    bot, data = saved
    back = load(data)
    asked = [text for text, _ in ASKED]
    assert back.answer_many(asked, now=NOW, explain=True) == bot.answer_many(
        asked, now=NOW, explain=True
    )
    assert (back.version, back.thresholds, back.forecast()) == (3, bot.thresholds, bot.forecast())


def test_another_version_of_the_format_is_named(saved):
    header = msgspec.json.encode(
        {"format": "raydesk-understanding", "format_version": FORMAT_VERSION + 1}
    )
    other = _changed(saved[1], header=np.frombuffer(header, np.uint8))
    with pytest.raises(ModelFileError, match=f"format {FORMAT_VERSION + 1}.*train it again"):
        load(other)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04rubbish", b"\x80\x04K\x01.", b"{}" * 100])
def test_other_bytes_are_refused(data):
    with pytest.raises(ModelFileError):
        load(data)


def test_a_pickle_inside_is_never_opened(saved):
    with pytest.raises(ModelFileError):
        load(_changed(saved[1], wording=np.array([{"a": 1}], dtype=object)))


@pytest.mark.parametrize("name", ["bm25.docs", "bm25.first", "intent.owners", "bm25.owners"])
def test_indexes_that_point_outside_are_refused(saved, name):
    with np.load(io.BytesIO(saved[1])) as file:
        wrong = file[name].copy()
    wrong[-1] += 100_000
    with pytest.raises(ModelFileError):
        load(_changed(saved[1], **{name: wrong}))


@pytest.mark.parametrize("name", ["header", "bm25.weights", "intent.outs", "judged.known"])
def test_a_missing_part_is_refused(saved, name):
    with pytest.raises(ModelFileError):
        load(_changed(saved[1], **{name: None}))


def test_a_part_of_another_kind_is_refused(saved):
    with pytest.raises(ModelFileError, match="float64"):
        load(_changed(saved[1], **{"intent.bias": np.zeros(10)}))


def test_a_cut_file_is_refused(saved):
    for share in (0.1, 0.5, 0.99):
        with pytest.raises(ModelFileError):
            load(saved[1][: int(len(saved[1]) * share)])


def test_the_file_is_a_plain_archive_of_arrays(saved):
    with zipfile.ZipFile(io.BytesIO(saved[1])) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
