"""Trials and trainings beside a gateway read questions by the encoder that the settings name."""

import msgspec
import pytest

from bot.encoder import EncoderError
from bot.word_vectors import word_vectors
from serve.knowledge.encoding import encoder_here
from serve.knowledge.jobs import TryQuestion
from serve.knowledge.training import train
from serve.knowledge.trying import try_question
from tests.support.tiny_encoder import synonyms, word_base, write_encoder

NOW = 1_800_000_000.0
BASE, ASKED = word_base()


@pytest.fixture(autouse=True)
def _fresh():
    encoder_here.cache_clear()
    yield
    encoder_here.cache_clear()


def test_a_question_in_other_words_is_found_by_the_encoder(tmp_path, monkeypatch):
    folder = write_encoder(tmp_path / "encoder", synonyms(BASE, ASKED))
    monkeypatch.setenv("RAYDESK_BOT_ENCODER", str(folder))
    text, topic = ASKED[0]
    job = TryQuestion(body=msgspec.json.encode(BASE), question=text, version=941, now=NOW)
    told = try_question(job)
    assert (told.band, told.topic) == ("answer", topic)
    assert train(BASE, BASE, ASKED, NOW).accuracy == 1.0


def test_without_a_folder_it_is_the_word_vectors(monkeypatch):
    monkeypatch.delenv("RAYDESK_BOT_ENCODER", raising=False)
    assert encoder_here() is word_vectors()
    assert (train(BASE, None, ASKED, NOW).accuracy or 0.0) < 0.5


def test_a_folder_without_an_encoder_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("RAYDESK_BOT_ENCODER", str(tmp_path))
    with pytest.raises(EncoderError, match=r"model\.onnx: no such file"):
        encoder_here()
