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
from bot.encoder import Encoder
from bot.explaining import explained
from bot.features import F32
from bot.knowledge import Audience, Base, Topic
from bot.learning import NO_EVIDENCE, Evidence, Tell, learn
from bot.model import Model, top_places
from bot.normalise import is_readable, normalise
from bot.thresholds import Forecast, choose_thresholds, forecast

TARGET_PRECISION = 0.95
SUGGESTIONS = 5
_SAYS_SOMETHING = re.compile(r"[^\W_]")
LEAST_SHARE = 0.01
"""A topic less likely than this is not worth a line on the customer's screen."""
BATCH = 256

__all__ = [
    "Decision",
    "Explanation",
    "Forecast",
    "Suggestion",
    "Thresholds",
    "Understanding",
    "taught",
]


def taught(base: Base) -> bytes:
    """Return all of a base that is learned from; two bases with the same teach the same."""
    topics = [(topic.id, *topic.phrasings()) for topic in base.topics if topic.enabled]
    return msgspec.json.encode((topics, base.strangers))


class Understanding:
    """One base version, ready to answer. Immutable; made by `learn`, `bot.relearning` or
    `bot.saving.load`."""

    def __init__(
        self,
        catalogue: Catalogue,
        model: Model,
        thresholds: Thresholds,
        *,
        version: int = 0,
        evidence: Evidence = NO_EVIDENCE,
        changed_n: int = 0,
    ) -> None:
        self.catalogue = catalogue
        self.model = model
        self.thresholds = thresholds
        self.version = version
        self.evidence = evidence
        self.changed_n = changed_n
        """Wordings that came or went since all were learned (`bot.relearning`)."""

    @classmethod
    def learn(
        cls,
        base: Base,
        *,
        version: int = 0,
        thresholds: Thresholds | None = None,
        target_precision: float = TARGET_PRECISION,
        seed: int = 0,
        tell: Tell | None = None,
        encoder: Encoder | None = None,
    ) -> Understanding:
        """Learn the base: seconds of CPU for ten thousand wordings, so never in a session's way.

        The same base and seed give the same understanding. Without `thresholds` the bands are
        chosen from held-out wordings, for `target_precision`. `tell` hears of the progress.
        `encoder`: one that an operator named; without, the word vectors.
        """
        catalogue = Catalogue(base)
        texts, places = catalogue.wordings()
        strangers = [text for one in base.strangers if (text := normalise(one))]
        learned = learn(
            texts,
            places,
            len(catalogue.topics),
            strangers,
            seed=seed,
            tell=tell,
            encoder=encoder,
        )
        bands = thresholds or choose_thresholds(learned.evidence.judged, target_precision)
        bot = cls(catalogue, learned.model, bands, version=version, evidence=learned.evidence)
        bot.warm_up()
        return bot

    def warm_up(self) -> None:
        """Load what the first question would wait for: dictionaries, compiled loops."""
        self.answer_many(["hello", "您好嗎"], now=0.0)

    def with_thresholds(self, thresholds: Thresholds) -> Understanding:
        """Return the same understanding with other bands; nothing is learned again."""
        return self._but(thresholds=thresholds)

    def with_base(self, base: Base, version: int) -> Understanding:
        """Return what was learned, under another version of the base that teaches the same
        (`taught`): other answers, validities or categories."""
        return self._but(catalogue=Catalogue(base), version=version)

    def _but(
        self,
        *,
        catalogue: Catalogue | None = None,
        thresholds: Thresholds | None = None,
        version: int | None = None,
    ) -> Understanding:
        return Understanding(
            catalogue or self.catalogue,
            self.model,
            thresholds or self.thresholds,
            version=self.version if version is None else version,
            evidence=self.evidence,
            changed_n=self.changed_n,
        )

    def forecast(self) -> Forecast:
        """Return how often the bands would have answered held-out wordings, and how well."""
        return forecast(self.evidence.judged, self.thresholds)

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

    def best_many(self, questions: Sequence[str], *, now: float, limit: int) -> list[list[str]]:
        """Return per question the ids of the likeliest live topics, whatever the bands say."""
        found: list[list[str]] = []
        live = self.catalogue.live(now)
        for start in range(0, len(questions) if self.catalogue.topics else 0, BATCH):
            texts = [normalise(one) for one in questions[start : start + BATCH]]
            for chances in self.model.rank(texts).probable:
                best = top_places(np.where(live, chances, 0), limit)
                found.append([self.catalogue.topics[place].id for place in best])
        return found or [[] for _ in questions]

    def suggest(self, typed: str, *, now: float, limit: int = SUGGESTIONS) -> list[Suggestion]:
        """Return topics while the customer is still typing: first what starts so, then alike."""
        text = normalise(typed)
        if not text or not is_readable(typed) or not self.catalogue.topics:
            return []
        places = list(self.catalogue.starting(text, now))[:limit]
        if len(places) < limit:
            vocabulary, bm25 = self.model.views.vocabulary, self.model.views.bm25
            live = self.catalogue.live(now)
            alike = bm25.alike(vocabulary.row(text), limit * 8)
            owners = (int(bm25.owners[doc]) for doc, _ in alike)
            places += [place for place in owners if live[place]]
        return [self.catalogue.suggestion(place) for place in dict.fromkeys(places)][:limit]

    def hot(self, *, now: float, limit: int = 8) -> tuple[Suggestion, ...]:
        """Return the topics to show at hello."""
        return self.catalogue.hot(now, limit)

    def _batch(
        self, questions: Sequence[str], now: float, audience: Audience | None, *, explain: bool
    ) -> list[Decision]:
        texts = [normalise(question) for question in questions]
        found: list[Decision | None] = [
            self._refusal(question, text) for question, text in zip(questions, texts, strict=True)
        ]
        asked = [i for i, refusal in enumerate(found) if refusal is None]
        if asked:
            ranks = self.model.rank([texts[i] for i in asked])
            live = self.catalogue.live(now)
            for at, i in enumerate(asked):
                chances = np.where(live, ranks.probable[at], 0)
                decision = self._decide(texts[i], chances, float(ranks.known[at]), live, audience)
                decision = self._with_related(decision, now)
                if explain:
                    decision = explained(decision, self, texts[i], ranks, at)
                found[i] = decision
        return [decision for decision in found if decision is not None]

    def _refusal(self, question: str, text: str) -> Decision | None:
        if not is_readable(question):
            return self._fallback("unreadable")
        if not (_SAYS_SOMETHING.search(text) or self.catalogue.exact(text)):
            return self._fallback("empty")
        return None if self.catalogue.topics else self._fallback("empty_base")

    def _decide(
        self,
        text: str,
        chances: F32,
        known: float,
        live: NDArray[np.bool_],
        audience: Audience | None,
    ) -> Decision:
        exact = [place for place in self.catalogue.exact(text) if live[place]]
        if len(exact) == 1:
            return self._answer(exact[0], "exact", 1.0, 1.0, audience)
        if exact:
            shares = dict.fromkeys(exact[:SUGGESTIONS], 1 / len(exact))
            return self._clarify(exact[0], "ambiguous", 1 / len(exact), 1.0, shares, audience)
        first, limits = int(chances.argmax()), self.thresholds
        sure = float(chances[first])
        known = 0.0 if self.catalogue.is_stranger(text) else known
        if known < limits.known:
            return self._fallback("stranger", first, sure * known, known)
        if sure >= limits.answer:
            return self._answer(first, "model", sure, known, audience)
        best = top_places(chances, SUGGESTIONS)
        if float(chances[best].sum()) < limits.clarify:
            return self._fallback("unsure", first, sure, known)
        shares = {place: float(chances[place]) for place in best if chances[place] > LEAST_SHARE}
        return self._clarify(first, "unsure", sure, known, shares, audience)

    def _answer(
        self, place: int, why: Why, sure: float, known: float, audience: Audience | None
    ) -> Decision:
        if not self.catalogue.has_answer(place, audience):
            return self._fallback("no_answer", place, sure, known)
        return self._decision("answer", why, place, sure, known)

    def _clarify(  # noqa: PLR0917
        self,
        place: int,
        why: Why,
        sure: float,
        known: float,
        shares: dict[int, float],
        audience: Audience | None,
    ) -> Decision:
        offered = tuple(
            self.catalogue.suggestion(p, share)
            for p, share in shares.items()
            if self.catalogue.has_answer(p, audience)
        )
        if not offered:
            return self._fallback("no_answer", place, sure, known)
        decision = self._decision("clarify", why, place, sure, known)
        return msgspec.structs.replace(decision, suggestions=offered)

    def _fallback(
        self, why: Why, place: int | None = None, sure: float = 0.0, known: float = 0.0
    ) -> Decision:
        return self._decision("fallback", why, place, sure, known)

    def _decision(
        self, band: Band, why: Why, place: int | None, sure: float, known: float
    ) -> Decision:
        topic = "" if place is None else self.catalogue.topics[place].id
        return Decision(
            band=band, why=why, topic=topic, confidence=sure, known=known, version=self.version
        )

    def _with_related(self, decision: Decision, now: float) -> Decision:
        if decision.band != "answer":
            return decision
        related = self.catalogue.related(decision.topic, now)
        return msgspec.structs.replace(decision, related=related) if related else decision
