"""The word vectors that Raydesk comes with: likeness of meaning, in bounds, offline."""

import pickle
import random
import socket

import numpy as np
import pytest

from bot.encoder import EncoderError, open_encoder
from bot.normalise import normalise
from bot.word_vectors import MAX_TOKENS, word_vectors
from tests.support.chinese_shop import ASKED, WORDINGS

TEXTS = [normalise(text) for text, _ in ASKED] + [
    "i want my money back",
    "where's my parcel?!",
    "can't log-in: error 404",
    "😀",
    "naïve café",
]


@pytest.fixture
def words():
    return word_vectors()


def test_they_are_what_is_opened_without_a_folder(words):
    assert open_encoder() is words
    assert pickle.loads(pickle.dumps(words)) is words


def test_other_words_of_like_meaning_are_near(words):
    refund, money, parcel = words.embed(
        ["i would like a refund", "please return my money", "where is the parcel"]
    )
    assert refund @ money > refund @ parcel
    assert refund @ money > money @ parcel


def test_a_chinese_question_is_nearest_to_its_own_topic_more_often_than_by_chance(words):
    topics = [topic for topic, own in WORDINGS.items() for _ in own]
    known = words.embed([text for own in WORDINGS.values() for text in own])
    nearest = (words.embed([normalise(text) for text, _ in ASKED]) @ known.T).argmax(axis=1)
    right = [topics[at] == topic for at, (_, topic) in zip(nearest, ASKED, strict=True)]
    assert np.mean(right) > 0.5


def test_a_text_is_the_mean_of_its_tokens_and_of_length_1(words):
    for text in TEXTS:
        ids = words._cutter.encode(text, add_special_tokens=False).ids
        mean = words._table[ids].mean(axis=0, dtype=np.float32)
        assert words.embed([text])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-4), text


def test_many_texts_are_read_as_one_at_a_time(words):
    dice = random.Random(0)
    texts = [" ".join(dice.choices(TEXTS, k=dice.randint(0, 5))) for _ in range(50)]
    alone = np.concatenate([words.embed([text]) for text in texts])
    assert (words.embed(texts) == alone).all()


def test_nothing_to_read_is_like_nothing(words):
    assert (words.embed(["", "   "]) == 0).all()
    assert words.embed([]).shape == (0, words.width)


def test_of_a_long_text_only_the_beginning_is_read(words):
    whole = words.embed(["refund " * MAX_TOKENS, "refund " * MAX_TOKENS + "parcel " * 5_000])
    assert (whole[0] == whole[1]).all()
    assert np.isfinite(words.embed(["x" * 10_000, "好" * 10_000, "\x00\ud800"[:1] * 500])).all()


def test_nothing_is_fetched(monkeypatch):
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    word_vectors.cache_clear()
    assert word_vectors().embed(["refund"]).any()


@pytest.mark.parametrize("there", [False, True])
def test_a_missing_or_strange_package_is_told(tmp_path, monkeypatch, there):
    class Found:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr("bot.word_vectors.find_spec", lambda _: Found() if there else None)
    word_vectors.cache_clear()
    with pytest.raises(EncoderError, match=r"requirements\.txt"):
        open_encoder()
    word_vectors.cache_clear()
