"""Whatever a customer sends, the bot decides: in bounds, in order, the same for the same text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chinese_shop import learned_shop

NOW = 1_800_000_000.0
anything = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="退款优惠券发票怎么密码 ab?!😀\u0000\ud800", max_size=60),
    st.integers(1, 30_000).map(lambda n: "退" * n),
    st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
)


@settings(max_examples=50, deadline=None)
@given(anything)
def test_every_text_gets_a_decision_in_bounds(text):
    bot = learned_shop()
    decision = bot.answer(text, now=NOW, explain=True)
    chances = [one.confidence for one in decision.suggestions]
    assert 0 <= decision.confidence <= 1
    assert 0 <= decision.known <= 1
    assert len(chances) <= 5
    assert chances == sorted(chances, reverse=True)
    assert bool(chances) == (decision.band == "clarify")
    if decision.band == "answer":
        assert decision.why == "exact" or decision.confidence >= bot.thresholds.answer
    assert len(bot.suggest(text, now=NOW)) <= 5
    assert bot.answer(text, now=NOW, explain=True) == decision
