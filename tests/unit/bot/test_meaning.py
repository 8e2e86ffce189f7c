"""With an operator's encoder the bot finds what no word of its base tells."""

import io
import json
import pickle
import sys

import numpy as np
import pytest

from bot.__main__ import main
from bot.answering import Understanding
from bot.encoder import Encoder, open_encoder
from bot.learning import learn
from bot.meaning import Meaning
from bot.saving import ModelFileError, dump, load
from bot.tables import export_base
from tests.support.tiny_encoder import strangers_all, synonyms, word_base, write_encoder

NOW = 1_800_000_000.0
BASE, ASKED = word_base()
TEXTS = [text for text, _ in ASKED]
TOPICS = [topic for _, topic in ASKED]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoders") / "synonyms"
    return open_encoder(write_encoder(folder, synonyms(BASE, ASKED)))


@pytest.fixture(scope="module")
def learned(encoder) -> Understanding:
    return Understanding.learn(BASE, version=4, encoder=encoder)


def test_a_question_in_other_words_is_answered_only_with_that_encoder(learned):
    told = learned.answer_many(TEXTS, now=NOW, explain=True)
    assert [(one.band, one.why, one.topic) for one in told] == [
        ("answer", "model", topic) for topic in TOPICS
    ]
    assert told[0].explanation.scores[TOPICS[0]]["encoder"] == pytest.approx(1, abs=1e-3)
    alone = Understanding.learn(BASE).answer_many(TEXTS, now=NOW, explain=True)
    assert {one.band for one in alone} <= {"fallback", "clarify"}


def test_a_stranger_stays_one(learned):
    assert learned.answer("qqqqqq zzzzzz", now=NOW).band == "fallback"


def test_with_one_wording_a_topic_the_encoder_is_believed_as_well(encoder):
    few, _ = word_base(wordings_n=6)
    topics = tuple(type(one)(id=one.id, question=one.question) for one in few.topics)
    bot = Understanding.learn(type(few)(id="f", name="f", topics=topics), encoder=encoder)
    told = bot.answer_many(TEXTS, now=NOW, audience=None)
    assert [one.topic for one in told if one.band == "answer"] == TOPICS


def test_without_an_operators_encoder_its_package_is_not_touched(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    bot = Understanding.learn(BASE)
    assert bot.model.views.meaning.encoder is open_encoder()
    assert bot.answer(BASE.topics[0].question, now=NOW).topic == "t0"


def test_what_an_encoder_knows_of_held_out_wordings_is_not_told(tmp_path):
    knows_each = open_encoder(write_encoder(tmp_path / "each", strangers_all(BASE)))
    texts = [text for topic in BASE.topics for text in topic.phrasings()]
    owners = [place for place, topic in enumerate(BASE.topics) for _ in topic.phrasings()]
    found = learn(texts, owners, len(BASE.topics), encoder=knows_each)
    own = ~found.evidence.judged.stranger
    assert found.evidence.judged.right[own].mean() < 0.5
    assert found.evidence.judged.confidence[own].mean() < 0.5


def test_the_usual_likeness_of_different_topics_counts_as_none(encoder):
    dice = np.random.default_rng(1)
    rows = dice.normal(2, 1, (8, 16)).astype(np.float32).repeat(5, axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    owners = np.repeat(np.arange(8, dtype=np.int32), 5)
    meaning = Meaning(encoder, rows, owners)
    apart = owners[:, None] != owners[None, :]
    assert meaning.usual == pytest.approx((rows @ rows.T)[apart].mean(), abs=1e-5)
    scores = meaning.scores(rows)
    assert scores[np.arange(40), owners] == pytest.approx(np.ones(40), abs=1e-4)
    assert scores[owners[:, None] != np.arange(8)].mean() == pytest.approx(0, abs=1e-4)
    assert Meaning(encoder, rows, np.zeros(40, np.int32)).usual == 0


def test_it_decides_the_same_after_coming_back(learned, encoder):
    for back in (load(dump(learned), encoder), pickle.loads(pickle.dumps(learned))):
        assert back.answer_many(TEXTS, now=NOW, explain=True) == learned.answer_many(
            TEXTS, now=NOW, explain=True
        )
        assert back.forecast() == learned.forecast()
        assert back.model.views.meaning.encoder is encoder


def test_another_encoder_is_refused(learned, encoder, tmp_path):
    data, plain = dump(learned), dump(Understanding.learn(BASE))
    other = open_encoder(write_encoder(tmp_path / "other", strangers_all(BASE)))
    known = f"learned with the encoder {encoder.identity}"
    for bad in (None, other):
        here = bad or open_encoder()
        said = f"{known}, and {here.folder} holds {here.identity}: .*train it again"
        with pytest.raises(ModelFileError, match=said):
            load(data, bad)
    with pytest.raises(ModelFileError, match=f"and {encoder.folder} holds"):
        load(plain, encoder)
    assert load(plain).model.views.meaning.encoder is open_encoder()


def test_vectors_that_do_not_fit_are_refused(learned, encoder):
    with np.load(io.BytesIO(dump(learned))) as file:
        parts = {name: file[name] for name in file.files}
    for wrong in (parts["meaning.table"][:-1], parts["meaning.table"].astype("f8"), None):
        out = io.BytesIO()
        kept = {k: v for k, v in (parts | {"meaning.table": wrong}).items() if v is not None}
        np.savez(out, **kept)
        with pytest.raises(ModelFileError):
            load(out.getvalue(), encoder)


def test_the_command_line_takes_an_encoder(encoder, tmp_path, capsys):
    table, model = tmp_path / "base.csv", str(tmp_path / "m.npz")
    table.write_bytes(export_base(BASE, "csv"))
    with_it = ["--encoder", str(encoder.folder)]
    assert main(["train", str(table), "--out", model, "--quiet", *with_it]) == 0
    capsys.readouterr()
    assert main(["ask", model, TEXTS[0], "--json", *with_it]) == 0
    assert json.loads(capsys.readouterr().out)[0]["topic"] == TOPICS[0]
    assert main(["ask", model, TEXTS[0]]) == 1
    assert "name the folder of the one" in capsys.readouterr().err
    assert main(["ask", model, TEXTS[0], "--encoder", str(tmp_path)]) == 1
    assert "model.onnx: no such file" in capsys.readouterr().err
