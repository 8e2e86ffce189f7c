"""The carrier: a model that is slow, dead or absent holds nothing up."""

from __future__ import annotations

import asyncio

import pytest

from actors import scoring
from actors.addresses import Address
from actors.messages import Envelope, ScoresTold
from actors.scoring import Carrier, ModelUnavailableError, ScoreAnswer, ScoreRequest
from tests.support.actor_system import Tally

WHERE = Address("dispatch", "acme", "main")
REQUEST = ScoreRequest(id="7", org="acme", now=0.0, questions=[])


class Source:
    """Answers when told to, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_answer, self.asked = asyncio.Event(), asyncio.Event()
        self._error = error

    async def score(self, request: ScoreRequest) -> ScoreAnswer:
        self.asked.set()
        if self._error:
            raise self._error
        await self.may_answer.wait()
        return ScoreAnswer()


async def test_the_answer_comes_as_a_command() -> None:
    got, came = list[Envelope](), asyncio.Event()

    def post(envelopes: object) -> None:
        got.extend(envelopes)  # type: ignore[arg-type] # envelopes
        came.set()

    source, tally = Source(), Tally()
    carrier = Carrier(source, post, tally)
    carrier.ask(WHERE, REQUEST)
    assert got == []
    source.may_answer.set()
    await came.wait()

    assert got == [Envelope(WHERE, ScoresTold(request="7", scores={}))]
    assert tally.counts["score_seconds", ""] >= 0
    await carrier.close()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (lambda: Source(ModelUnavailableError("nobody there")), "failed"),
        (Source, "late"),
    ],
)
async def test_no_answer_is_counted_and_nothing_is_posted(
    source, why, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "GIVE_UP_S", 0.01)
    tally, got = Tally(), list[Envelope]()
    made = source()
    carrier = Carrier(made, got.extend, tally)
    carrier.ask(WHERE, REQUEST)
    await made.asked.wait()
    await asyncio.gather(*carrier.under_way())

    assert tally.counts["score_misses_total", why] == 1
    assert got == []


async def test_without_a_model_nothing_is_asked_and_too_many_at_once_are_dropped() -> None:
    tally = Tally()
    Carrier(None, list[Envelope]().extend, tally).ask(WHERE, REQUEST)
    assert tally.counts["score_misses_total", "no_model"] == 1

    carrier = Carrier(Source(), list[Envelope]().extend, tally)
    for _ in range(scoring.UNDER_WAY_N + 3):
        carrier.ask(WHERE, REQUEST)
    assert tally.counts["score_misses_total", "full"] == 3
    await carrier.close()
