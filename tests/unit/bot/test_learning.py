"""Learning: the same every time, from one wording to many topics; and what it says is weak."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC  # type: ignore[import-untyped]  # sklearn ships no types

from bot.answering import Understanding
from bot.features import Vocabulary, pairs
from bot.intent import fit_intent, has_margins, networks_n
from bot.kernels import train_margins
from bot.knowledge import Base, Topic
from bot.normalise import normalise
from bot.retrieval import Bm25
from bot.sparse import Cut, Examples, Rows, joined
from bot.weak import weak_topics
from tests.support.chinese_shop import STRANGE, WORDINGS, chinese_shop

NOW = 1_800_000_000.0


def _shop_examples() -> tuple[Examples, Vocabulary]:
    texts = [text for own in WORDINGS.values() for text in own]
    topics = [place for place, own in enumerate(WORDINGS.values()) for _ in own]
    cut = Cut.of([normalise(text) for text in texts])
    vocabulary, found = cut.taught(np.arange(len(texts)), np.array(topics))
    return found, vocabulary


def test_the_same_base_gives_the_same_understanding():
    few = tuple(Topic(id=n, question=t[0], similar=t[1:]) for n, t in list(WORDINGS.items())[:4])
    one, other = (Understanding.learn(Base(id="b", name="b", topics=few)) for _ in range(2))
    asked = ["我要退款呀", "优惠券", "hello"]
    assert one.answer_many(asked, now=NOW) == other.answer_many(asked, now=NOW)
    assert one.thresholds == other.thresholds


@pytest.mark.parametrize(
    "text", ["how do i get my money back", "怎么申请退款", "退款 refund ?", ""]
)
def test_features_are_the_same_with_and_without_their_places(text):
    vocabulary, found = Cut.of([text]).taught(np.arange(1), np.zeros(1, np.int64))
    columns, counts = vocabulary.row(text)
    again, times = np.unique(found.rows.columns, return_counts=True)
    assert dict(zip(columns, counts, strict=True)) == dict(zip(again, times, strict=True))


def test_held_out_wordings_are_read_as_questions_are():
    texts = [normalise(text) for own in WORDINGS.values() for text in own] + [
        "",
        "refund 退款 qq qq",
    ]
    cut, places = Cut.of(texts), np.arange(3, len(texts), 4)
    seen = np.setdiff1d(np.arange(len(texts)), places)
    vocabulary, _ = cut.taught(seen, np.zeros(len(seen), np.int64))
    rows, known = cut.read(places, vocabulary)
    asked = [vocabulary.read(texts[place]) for place in places]
    assert known == pytest.approx([share for _, share in asked])
    for at, ((columns, counts), _) in enumerate(asked):
        mine = slice(rows.starts[at], rows.starts[at + 1])
        assert dict(zip(rows.columns[mine], rows.counts[mine], strict=True)) == dict(
            zip(columns, counts, strict=True)
        )


def test_pairs_reach_as_far_as_they_say():
    assert "bwhere is" in pairs(["where", "is", "my", "card"])
    assert "swhere card" in pairs(["where", "is", "my", "card"])
    assert "s< card" in pairs(["where", "is", "my", "card"])


def test_margins_are_those_of_the_reference_implementation():
    dice = np.random.default_rng(0)
    dense = dice.normal(0, 1, (60, 12)).astype(np.float32)
    labels = dice.integers(0, 3, 60).astype(np.int32)
    starts = np.arange(61, dtype=np.int64) * 12
    columns = np.tile(np.arange(12, dtype=np.int32), 60)
    order = np.stack([dice.permutation(60) for _ in range(400)])
    table, bias = np.zeros((12, 3), np.float32), np.zeros(3, np.float32)
    train_margins(starts, columns, dense.ravel(), labels, order, 1.0, table, bias)
    theirs = LinearSVC(C=1.0, tol=1e-8, max_iter=100_000).fit(dense, labels)
    assert pytest.approx(theirs.coef_, abs=2e-3) == table.T
    assert bias == pytest.approx(theirs.intercept_, abs=2e-3)


def test_a_known_wording_is_its_own_best_and_gets_about_one():
    found, vocabulary = _shop_examples()
    rows = found.summed()
    bm25 = Bm25.build(rows, vocabulary, found.topics)
    shares = bm25.shares(rows)
    assert (shares.argmax(axis=1) == found.topics).all()
    assert shares.max(axis=1) == pytest.approx(np.ones(rows.n), abs=0.15)
    scores = bm25.scores(rows)
    row = rows.columns[: rows.starts[1]], rows.counts[: rows.starts[1]]
    assert sum(score for _, score in bm25.parts(row, 0)) == pytest.approx(scores[0, 0], rel=1e-4)


def test_with_too_many_topics_the_centres_carry_on_alone(monkeypatch):
    found, vocabulary = _shop_examples()
    rows = found.summed()
    monkeypatch.setattr("bot.intent.MAX_MARGIN_WORK", 1e3)
    monkeypatch.setattr("bot.intent.MAX_NETWORK_WORK", 1e3)
    alone = fit_intent(found, rows, vocabulary, len(WORDINGS), 0)
    assert not alone.table.size
    assert not alone.layers.size
    assert (alone.centres(rows).argmax(axis=1) == found.topics).mean() > 0.9
    assert not alone.hidden(rows).any()


def test_networks_become_fewer_as_topics_become_many():
    assert [networks_n(12_000, topics_n) for topics_n in (1, 2, 150, 10_000)] == [0, 3, 3, 0]
    assert networks_n(300, 60) == 10
    assert has_margins(1_500_000, (40_000, 150))
    assert not has_margins(1_500_000, (40_000, 5_000))


def test_rows_of_nothing_are_nothing():
    nothing = joined([])
    assert nothing.n == 0
    assert nothing.weighed(np.ones(3, np.float32)).shape == (0,)
    assert (
        Rows(np.array([0, 0]), *nothing[1:]).times(nothing.counts, np.ones((3, 2), "f4")).sum() == 0
    )


def test_one_topic_alone_is_not_the_answer_to_everything():
    base = Base(id="b", name="b", topics=(Topic(id="refund", question="How do I get a refund?"),))
    bot = Understanding.learn(base)
    assert bot.answer("how can I get my refund", now=NOW, audience=None).topic == "refund"
    assert bot.answer("the weather tomorrow", now=NOW, audience=None).band == "fallback"


def test_one_wording_a_topic_is_enough_to_be_found():
    topics = tuple(Topic(id=name, question=texts[0]) for name, texts in WORDINGS.items())
    bot = Understanding.learn(Base(id="b", name="b", topics=topics))
    assert bot.answer("忘记了密码该怎么办", now=NOW, audience=None).topic == "password"
    assert {weak.topic for weak in weak_topics(bot)} == set(WORDINGS)


def test_named_strangers_are_turned_away_in_every_spelling():
    shop = chinese_shop()
    base = Base(id="b", name="b", topics=shop.topics, strangers=STRANGE[:5])
    bot = Understanding.learn(base)
    for text in ("今天天氣怎麼樣？", STRANGE[1]):
        decision = bot.answer(text, now=NOW)
        assert (decision.band, decision.why, decision.known) == ("fallback", "stranger", 0.0)


def test_a_topic_that_is_not_found_is_named():
    mixed = {"a": tuple(WORDINGS["refund"][::2]), "b": tuple(WORDINGS["refund"][1::2])}
    topics = [Topic(id=n, question=t[0], similar=t[1:]) for n, t in (WORDINGS | mixed).items()]
    weak = weak_topics(Understanding.learn(Base(id="b", name="b", topics=tuple(topics))))
    assert {one.topic for one in weak} >= {"a", "b"}
    assert all(one.why == "few_phrasings" for one in weak if one.topic in mixed)
