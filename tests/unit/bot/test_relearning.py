"""A version with few other wordings is learned from the one before, and knows as much."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from benchmarks.bot_questions import large_base, misspelt
from bot.answering import Understanding
from bot.knowledge import Base, Topic
from bot.onnx_encoder import OnnxEncoder, open_onnx
from bot.relearning import MOST_CHANGED, relearned
from bot.saving import dump, load
from tests.support.tiny_encoder import synonyms, word_base, write_encoder

NOW = 1_800_000_000.0
N = 600


@pytest.fixture(scope="module")
def base() -> Base:
    return large_base(N, "o")


@pytest.fixture(scope="module")
def before(base: Base) -> Understanding:
    return Understanding.learn(base, version=1)


@pytest.fixture(scope="module")
def whole(base: Base) -> Understanding:
    """What learning all again would give."""
    return Understanding.learn(reworded(base, 3, 40))


def with_topic(base: Base, place: int, **changes: object) -> Base:
    topics = list(base.topics)
    topics[place] = msgspec.structs.replace(topics[place], **changes)
    return msgspec.structs.replace(base, topics=tuple(topics))


def reworded(base: Base, *places: int) -> Base:
    """Return the base with a wording more in one topic of each place, and one less in the next."""
    for place in places:
        more = (*base.topics[place].similar, f"wo ist zimmer {place}")
        base = with_topic(base, place, similar=more)
        base = with_topic(base, place + 1, similar=base.topics[place + 1].similar[1:])
    return base


def again(before: Understanding, base: Base, version: int = 2) -> Understanding:
    found = relearned(before, base, version=version)
    assert found is not None
    return found


def test_what_is_cheap_to_make_is_as_if_all_were_learned(
    base: Base, before: Understanding, whole: Understanding
) -> None:
    found = again(before, reworded(base, 3, 40))
    assert (found.version, found.changed_n) == (2, 4)
    ours, theirs = found.model.views, whole.model.views
    assert ours.vocabulary.names == theirs.vocabulary.names
    for name in ("first", "docs", "weights", "rarity", "owners"):
        assert np.array_equal(getattr(ours.bm25, name), getattr(theirs.bm25, name)), name
    for name in ("weights", "narrow", "first", "owners", "shares"):
        assert np.array_equal(getattr(ours.intent, name), getattr(theirs.intent, name)), name
    places = [3, 4, 40, 41]
    assert np.allclose(ours.intent.table[:, places], theirs.intent.table[:, places], atol=1e-6)
    assert np.allclose(ours.intent.bias[places], theirs.intent.bias[places], atol=1e-6)


def test_features_that_stay_keep_what_the_networks_know_of_them(
    base: Base, before: Understanding
) -> None:
    found = again(before, reworded(base, 3))
    old = {name: at for at, name in enumerate(before.model.views.vocabulary.names)}
    layers, kept = found.model.views.intent.layers, before.model.views.intent.layers
    assert len(layers) == len(kept) > 0
    for at, name in enumerate(found.model.views.vocabulary.names):
        was = kept[:, old[name]] if name in old else np.zeros_like(layers[:, at])
        assert np.array_equal(layers[:, at], was), name


def test_new_wordings_are_answered_and_old_ones_no_worse(
    base: Base, before: Understanding, whole: Understanding
) -> None:
    changed = reworded(base, 3, 40)
    found = again(before, changed)
    [told, near] = found.answer_many(["wo ist zimmer 40", "wo ist denn zimmer 40"], now=NOW)
    assert (told.band, told.topic) == ("answer", "t40")
    assert near.topic == "t40"
    asked = misspelt(changed, 300, random.Random(2))
    ours, theirs = (bot.answer_many(asked, now=NOW) for bot in (found, whole))
    same = sum(a.topic == b.topic for a, b in zip(ours, theirs, strict=True))
    assert same >= 0.97 * len(asked)


def evidence_of(bot: Understanding) -> list[tuple[tuple[str, str], float]]:
    """Return (a held-out wording and its topic, how sure the model was), in order."""
    pairs = zip(bot.evidence.wording.tolist(), bot.evidence.judged.confidence, strict=True)
    return [(bot.catalogue.wording(at), sure) for at, sure in pairs if at >= 0]


def test_the_evidence_is_about_the_same_wordings(base: Base, before: Understanding) -> None:
    found = again(before, reworded(base, 3, 40))
    lost = {base.topics[place].similar[0] for place in (4, 41)}
    had, have = evidence_of(before), evidence_of(found)
    assert have == [one for one in had if one[0][0] not in lost]
    assert len(had) > len(have) > 0
    strange = [int((one.evidence.wording < 0).sum()) for one in (before, found)]
    assert strange[0] == strange[1] > 0


def test_it_comes_back_from_a_file_and_counts_on(base: Base, before: Understanding) -> None:
    found = load(dump(again(before, reworded(base, 3))))
    assert found.changed_n == 2
    assert again(found, reworded(base, 3, 40), version=3).changed_n == 4
    assert found.with_base(reworded(base, 3), 5).changed_n == 2


@pytest.mark.parametrize(
    "changed",
    [
        lambda base: msgspec.structs.replace(base, topics=base.topics[::-1]),
        lambda base: msgspec.structs.replace(
            base, topics=(*base.topics, Topic(id="new", question="what is new"))
        ),
        lambda base: with_topic(base, 5, enabled=False),
        lambda base: msgspec.structs.replace(base, strangers=("what is love",)),
        lambda base: reworded(base, *range(0, 16, 2)),
    ],
    ids=["order", "more topics", "fewer topics", "strangers", "too much"],
)
def test_other_changes_are_learned_whole(
    base: Base, before: Understanding, changed: object
) -> None:
    assert callable(changed)
    assert relearned(before, changed(base), version=2) is None


def test_many_small_changes_are_learned_whole_in_the_end(base: Base, before: Understanding) -> None:
    bot, place = before, 0
    while (found := relearned(bot, reworded(base, *range(0, place + 1, 2)), version=2)) is not None:
        bot, place = found, place + 2
    assert bot.changed_n == place
    assert bot.changed_n <= MOST_CHANGED * N < bot.changed_n + 2


def test_an_encoder_reads_only_what_is_new(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, asked = word_base()
    folder = tmp_path_factory.mktemp("encoders") / "synonyms"
    encoder = open_onnx(write_encoder(folder, synonyms(words, asked)))
    before = Understanding.learn(words, encoder=encoder)
    more = (*words.topics[0].similar, f"{words.topics[1].question} {words.topics[0].question}")
    changed = with_topic(words, 0, similar=more)
    whole = Understanding.learn(changed, encoder=encoder)
    read: list[str] = []
    embed = OnnxEncoder.embed

    def seen(self: OnnxEncoder, texts: list[str]) -> object:
        read.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr("bot.relearning.MOST_CHANGED", 1.0)
    monkeypatch.setattr(Understanding, "warm_up", lambda _: None)
    monkeypatch.setattr(OnnxEncoder, "embed", seen)
    found = again(before, changed)
    assert read == [more[-1]]
    assert np.allclose(found.model.views.meaning.table, whole.model.views.meaning.table, atol=1e-5)
