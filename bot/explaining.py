"""Say why a question got its answer: for editors and the search test, never for customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bot.decisions import Decision, Explanation
from bot.model import VIEWS, Ranks, top_places
from bot.tokens import words

if TYPE_CHECKING:
    from bot.answering import Understanding

NEAREST = 5
PARTS = 20


def explained(decision: Decision, bot: Understanding, text: str, ranks: Ranks, at: int) -> Decision:
    """Return the decision with its reasons: question `at` of `ranks`, normalised `text`."""
    vocabulary, bm25 = bot.model.views.vocabulary, bot.model.views.bm25
    row = vocabulary.row(text)
    alike = bm25.alike(row, NEAREST)
    parts = bm25.parts(row, alike[0][0]) if alike else []
    parts.sort(key=lambda part: -part[1])
    told = Explanation(
        normalised=text,
        words=tuple(words(text)),
        known_words=tuple(vocabulary.known_words(text)),
        nearest=tuple((*bot.catalogue.wording(doc), score) for doc, score in alike),
        matched=tuple((vocabulary.names[c][1:], score) for c, score in parts[:PARTS]),
        scores=_scores(bot, ranks, at),
        known=float(ranks.known[at]),
        thresholds=bot.thresholds,
    )
    return msgspec.structs.replace(decision, explanation=told)


def _scores(bot: Understanding, ranks: Ranks, at: int) -> dict[str, dict[str, float]]:
    found = {}
    for place in top_places(ranks.probable[at], NEAREST):
        parts = ranks.scores.views[:, at, place].tolist()
        chance = {"probability": float(ranks.probable[at, place])}
        found[bot.catalogue.topics[place].id] = chance | dict(zip(VIEWS, parts, strict=True))
    return found
