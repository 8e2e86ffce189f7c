"""Answer a question from one version of a knowledge base: the whole of the bot's understanding.

An `Understanding` is made once per version (`Understanding.learn`) and never changes: any number of
threads may ask it at the same time. Texts to show are the serving side's: a decision names topics.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.catalogue import Catalogue
from bot.decisions import Band, Decision, Explanation, Suggestion, Thresholds, Why
from bot.features import F32
from bot.knowledge import Audience, Base, Topic
from bot.model import Model, Ranks
from bot.normalise import is_readable, normalise
from bot.tokens import words

SUGGESTIONS = 5
_SAYS_SOMETHING = re.compile(r"[^\W_]")
NEAREST = 5
BATCH = 256

__all__ = ["Decision", "Explanation", "Suggestion", "Thresholds", "Understanding"]


class Understanding:
    """One base version, ready to answer. Immutable; made by `learn` or `bot.saving.load`."""

    def __init__(
        self, catalogue: Catalogue, model: Model, thresholds: Thresholds, version: int = 0
    ) -> None:
        self.catalogue = catalogue
        self.model = model
        self.thresholds = thresholds
        self.version = version

    @classmethod
    def learn(
        cls, base: Base, *, version: int = 0, thresholds: Thresholds | None = None
    ) -> Understanding:
        """Learn the base: seconds of CPU for ten thousand wordings, so never in a session's way."""
        catalogue = Catalogue(base)
        pairs = [
            (normalise(text), place)
            for place, topic in enumerate(catalogue.topics)
            for text in topic.phrasings()
        ]
        texts, places = [text for text, _ in pairs], [place for _, place in pairs]
        model = Model.fit(texts, places, len(catalogue.topics))
        return cls(catalogue, model, thresholds or Thresholds(), version)

    def with_thresholds(self, thresholds: Thresholds) -> Understanding:
        """Return the same understanding with other bands; nothing is learned again."""
        return Understanding(self.catalogue, self.model, thresholds, self.version)

    def topic(self, topic_id: str) -> Topic | None:
        """Return an enabled topic, None for any other id."""
        place = self.catalogue.places.get(topic_id)
        return None if place is None else self.catalogue.topics[place]

    def answer(
        self,
        question: str,
        *,
        now: float,
        audience: Audience | None = "customer",
        explain: bool = False,
    ) -> Decision:
        """Return what to do with one question, whatever its text is.

        `audience` None takes topics without any answer as well, for evaluation.
        """
        return self.answer_many([question], now=now, audience=audience, explain=explain)[0]

    def answer_many(
        self,
        questions: Sequence[str],
        *,
        now: float,
        audience: Audience | None = "customer",
        explain: bool = False,
    ) -> list[Decision]:
        """Return a decision per question, in order; cheaper per question than one at a time."""
        found: list[Decision] = []
        for start in range(0, len(questions), BATCH):
            part = questions[start : start + BATCH]
            found += self._batch(part, now, audience, explain=explain)
        return found

    def suggest(self, typed: str, *, now: float, limit: int = SUGGESTIONS) -> list[Suggestion]:
        """Return topics while the customer is still typing: first what starts so, then alike."""
        text = normalise(typed)
        if not text or not is_readable(typed) or not self.catalogue.topics:
            return []
        places = list(self.catalogue.starting(text, now))[:limit]
        if len(places) < limit:
            row = self.model.vocabulary.row(text)
            scores = self.model.bm25.scores(row)
            order = np.argsort(-scores, kind="stable")[: limit * 4]
            alike = [int(self.model.topic_of_doc[doc]) for doc in order if scores[doc] > 0]
            live = self.catalogue.live(now)
            places += [place for place in alike if live[place]]
        return [self.catalogue.suggestion(place) for place in dict.fromkeys(places)][:limit]

    def hot(self, *, now: float, limit: int = 8) -> tuple[Suggestion, ...]:
        """Return the topics to show at hello."""
        return self.catalogue.hot(now, limit)

    def _batch(
        self, questions: Sequence[str], now: float, audience: Audience | None, *, explain: bool
    ) -> list[Decision]:
        texts = [normalise(question) for question in questions]
        refusals = [self._refusal(q, text) for q, text in zip(questions, texts, strict=True)]
        asked = [i for i, refusal in enumerate(refusals) if refusal is None]
        if not asked:
            return [refusal for refusal in refusals if refusal is not None]
        ranks = self.model.rank([texts[i] for i in asked])
        live = self.catalogue.live(now)
        decided: list[Decision | None] = list(refusals)
        for at, i in enumerate(asked):
            decision = self._decide(texts[i], ranks.probable[at], ranks.known[at], live, audience)
            decision = self._with_related(decision, now)
            if explain:
                explanation = self._explain(texts[i], _one(ranks, at))
                decision = msgspec.structs.replace(decision, explanation=explanation)
            decided[i] = decision
        return [decision for decision in decided if decision is not None]

    def _refusal(self, question: str, text: str) -> Decision | None:
        if not is_readable(question):
            return self._fallback("unreadable")
        if not (_SAYS_SOMETHING.search(text) or self.catalogue.exact(text)):
            return self._fallback("empty")
        return None if self.catalogue.topics else self._fallback("empty_base")

    def _fallback(self, why: Why) -> Decision:
        return Decision(band="fallback", why=why, version=self.version)

    def _decide(
        self,
        text: str,
        probable: F32,
        known: float,
        live: NDArray[np.bool_],
        audience: Audience | None,
    ) -> Decision:
        exact = [place for place in self.catalogue.exact(text) if live[place]]
        if len(exact) == 1:
            return self._decision("answer", "exact", exact[0], 1.0, audience=audience)
        if exact:
            shown = tuple(self.catalogue.suggestion(p, 1 / len(exact)) for p in exact)
            return Decision(
                band="clarify",
                why="ambiguous",
                topic=self.catalogue.topics[exact[0]].id,
                confidence=1 / len(exact),
                known=1.0,
                suggestions=shown[:SUGGESTIONS],
                version=self.version,
            )
        chances = np.where(live, probable, 0.0)
        best = _top(chances, SUGGESTIONS)
        first, limits = best[0], self.thresholds
        total = float(chances[best].sum())
        band: Band = "answer" if chances[first] >= limits.answer else "clarify"
        why: Why = "model" if band == "answer" else "unsure"
        if known < limits.known:
            band, why = "fallback", "stranger"
        elif total < limits.clarify:
            band = "fallback"
        return self._decision(
            band,
            why,
            first,
            float(chances[first]),
            known=float(known),
            chances=chances,
            best=best,
            audience=audience,
        )

    def _decision(
        self,
        band: Band,
        why: Why,
        place: int,
        confidence: float,
        *,
        known: float = 1.0,
        chances: F32 | None = None,
        best: Sequence[int] = (),
        audience: Audience | None = None,
    ) -> Decision:
        if band == "answer" and not self.catalogue.has_answer(place, audience):
            band, why = "fallback", "no_answer"
        offered = [p for p in best if band == "clarify" and chances is not None and chances[p] > 0]
        shown = [p for p in offered if self.catalogue.has_answer(p, audience)]
        return Decision(
            band=band if band != "clarify" or shown else "fallback",
            why=why,
            topic=self.catalogue.topics[place].id,
            confidence=confidence,
            known=known,
            suggestions=tuple(
                self.catalogue.suggestion(p, float(chances[p]))
                for p in shown
                if chances is not None
            ),
            version=self.version,
        )

    def _with_related(self, decision: Decision, now: float) -> Decision:
        if decision.band != "answer":
            return decision
        related = self.catalogue.related(decision.topic, now)
        return msgspec.structs.replace(decision, related=related) if related else decision

    def _explain(self, text: str, ranks: Ranks) -> Explanation:
        model = self.model
        row = model.vocabulary.row(text)
        scores = model.bm25.scores(row)
        order = [int(doc) for doc in np.argsort(-scores, kind="stable")[:NEAREST]]
        names = model.vocabulary.names
        parts = sorted(model.bm25.parts(row, order[0]), key=lambda part: -part[1])[:20]
        best = _top(ranks.probable[0], NEAREST)
        return Explanation(
            normalised=text,
            words=tuple(words(text)),
            known_words=tuple(word for word, _ in model.vocabulary.known_words(text)),
            nearest=tuple(self._near(doc, float(scores[doc])) for doc in order if scores[doc] > 0),
            matched=tuple((names[column][1:], score) for column, score in parts),
            scores={
                self.catalogue.topics[p].id: {"probability": float(ranks.probable[0][p])}
                for p in best
            },
            known=float(ranks.known[0]),
            thresholds=self.thresholds,
        )

    def _near(self, doc: int, score: float) -> tuple[str, str, float]:
        place = int(self.model.topic_of_doc[doc])
        topic = self.catalogue.topics[place]
        first = int(np.searchsorted(self.model.topic_of_doc, place))
        return topic.phrasings()[doc - first], topic.id, score


def _top(chances: F32, limit: int) -> list[int]:
    """Return the places of the highest chances, highest first; ties by place."""
    if len(chances) <= limit:
        return [int(place) for place in np.argsort(-chances, kind="stable")]
    some = np.sort(np.argpartition(-chances, limit)[:limit])
    return [int(place) for place in some[np.argsort(-chances[some], kind="stable")]]


def _one(ranks: Ranks, at: int) -> Ranks:
    return Ranks(probable=ranks.probable[at : at + 1], known=ranks.known[at : at + 1])
