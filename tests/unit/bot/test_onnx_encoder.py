"""An encoder's folder: what is in it is checked, bounded, and never fetched from anywhere."""

import pickle
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from bot.encoder import EncoderError, open_encoder
from tests.support.tiny_encoder import (
    INPUTS,
    looking_up,
    write_encoder,
    write_tokenizer,
)

ROOT = Path(__file__).parents[3]
MEANINGS = {"refund": [3.0, 0.0], "parcel": [0.0, 2.0], "money": [1.0, 0.0], "the": [0.1, 0.1]}
TABLE = np.ones((5, 2), np.float32)


@pytest.fixture
def folder(tmp_path):
    return write_encoder(tmp_path / "encoder", MEANINGS)


@pytest.mark.parametrize("averaged", [False, True])
def test_a_text_becomes_the_mean_of_its_words_of_length_1(tmp_path, averaged):
    encoder = open_encoder(write_encoder(tmp_path / "e", MEANINGS, averaged=averaged))
    rows = encoder.embed(["refund", "parcel money", "unheard of", "refund"])
    assert rows == pytest.approx(
        np.array([[1, 0], [1 / 5**0.5, 2 / 5**0.5], [0, 0], [1, 0]], np.float32)
    )
    assert encoder.width == 2


def test_many_texts_are_read_as_one_at_a_time_and_in_their_order(folder):
    dice = np.random.default_rng(0)
    texts = [" ".join(dice.choice(list(MEANINGS), dice.integers(0, 9))) for _ in range(100)]
    together = open_encoder(folder).embed(texts)
    open_encoder(folder).forget()
    alone = np.concatenate([open_encoder(folder).embed([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-6)


def test_what_was_read_is_remembered_up_to_a_bound(folder, monkeypatch):
    monkeypatch.setattr("bot.onnx_encoder.MEMO_N", 2)
    encoder = open_encoder(folder)
    first = encoder.embed(["refund", "the", "parcel", "money " * 200])
    assert list(encoder._memo) == ["the", "parcel"]
    assert (encoder.embed(["parcel", "refund"]) == first[[2, 0]]).all()
    assert encoder.embed([]).shape == (0, 2)


def test_of_a_long_text_only_the_beginning_is_read(folder):
    rows = open_encoder(folder).embed(["refund " * 128 + "parcel " * 5_000])
    assert rows[0].tolist() == [1, 0]


def test_unchanged_files_are_opened_once_and_travel_as_their_folder(folder):
    encoder = open_encoder(folder)
    assert open_encoder(str(folder)) is encoder
    sent = pickle.dumps(encoder)
    assert pickle.loads(sent) is encoder
    write_tokenizer(folder, ["the", "money", "refund", "parcel"])
    with pytest.raises(EncoderError, match=f"Expected is {encoder.identity}: the files were"):
        pickle.loads(sent)


def test_nothing_is_fetched(folder, monkeypatch):
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert open_encoder(folder).embed(["refund"]).tolist() == [[1, 0]]
    with pytest.raises(EncoderError, match="no such folder"):
        open_encoder("sentence-transformers/all-MiniLM-L6-v2")


def test_who_lacks_its_package_is_told_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EncoderError, match=r"pip install -r requirements-encoder\.txt") as told:
        open_encoder(folder)
    assert "onnxruntime" in str(told.value)
    assert "onnxruntime" in (ROOT / "requirements-encoder.txt").read_text()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_that_is_missing_empty_or_rubbish_is_named(folder, name):
    kept = (folder / name).read_bytes()
    for wrong, said in [(b"", "0 bytes. Expected are 1 to"), (b"\x08rubbish" * 20, "")]:
        (folder / name).write_bytes(wrong)
        with pytest.raises(EncoderError, match=f"{name}: .*{said}"):
            open_encoder(folder)
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=f"{name}: no such file"):
        open_encoder(folder)
    (folder / name).write_bytes(kept)
    assert open_encoder(folder).width == 2


def test_a_file_that_is_too_big_is_not_even_read(folder, monkeypatch):
    monkeypatch.setattr("bot.onnx_encoder.MAX_MODEL", 10)
    with pytest.raises(EncoderError, match=r"model.onnx: \d+ bytes. Expected are 1 to 10"):
        open_encoder(folder)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (looking_up(TABLE, ["input_ids"]), "its inputs are input_ids: .*Expected are input_ids, "),
        (looking_up(TABLE, [*INPUTS, "pixels"]), "its inputs are .*pixels"),
        (looking_up(TABLE, kind=TensorProto.INT32), r"each tensor\(int64\)"),
        (looking_up(TABLE, output="logits"), "its outputs are logits: .*Expected is sentence_emb"),
        (looking_up(TABLE[:3]), "a trial run failed. Expected is"),
        (looking_up(TABLE * np.float32(np.nan)), "no usable numbers"),
        (looking_up(np.ones((5, 5_000), np.float32)), r"of shape \(3, 5000\)"),
    ],
)
def test_a_model_of_another_shape_is_refused_with_what_is_expected(folder, model, said):
    (folder / "model.onnx").write_bytes(model)
    with pytest.raises(EncoderError, match=f"model.onnx: .*{said}"):
        open_encoder(folder)
