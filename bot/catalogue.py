"""A base laid out for look-ups: what is live, who may see it, the exact wordings, type-ahead."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from bot.decisions import Suggestion
from bot.knowledge import Audience, Base, Topic
from bot.normalise import match_key, normalise

MAX_PREFIX_HITS = 200
"""Wordings looked at for one typed prefix, so that one letter costs as little as a word."""


class Catalogue:
    """The topics of one base that may ever be shown. Immutable; places are topics' positions."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.topics = tuple(topic for topic in base.topics if topic.enabled)
        self.places = {topic.id: place for place, topic in enumerate(self.topics)}
        never, ever = -np.inf, np.inf
        self._from = np.array([_or(topic.valid_from, never) for topic in self.topics])
        self._until = np.array([_or(topic.valid_until, ever) for topic in self.topics])
        self._shown = {
            audience: np.array([bool(t.answers_for(audience)) for t in self.topics], bool)
            for audience in ("customer", "agent")
        }
        self._keys = _exact(self.topics)
        self._typed = sorted(_typed(self.topics))
        self._wordings = _wordings(self.topics)
        self._strange = frozenset(match_key(normalise(text)) for text in base.strangers)

    def wordings(self) -> tuple[list[str], list[int]]:
        """Return every different wording, normalised, with its topic's place, in topics' order."""
        return [text for _, text, _ in self._wordings], [place for *_, place in self._wordings]

    def wording(self, at: int) -> tuple[str, str]:
        """Return one of `wordings` as its editor wrote it, and its topic's id."""
        written, _, place = self._wordings[at]
        return written, self.topics[place].id

    def live(self, now: float) -> NDArray[np.bool_]:
        """Return which topics are valid at `now`."""
        return (self._from <= now) & (now < self._until)

    def has_answer(self, place: int, audience: Audience | None) -> bool:
        """Tell whether the topic has something for this audience; an agent sees both kinds."""
        match audience:
            case None:
                return True
            case "customer":
                return bool(self._shown["customer"][place])
            case "agent":
                return any(bool(shown[place]) for shown in self._shown.values())

    def exact(self, normalised: str) -> tuple[int, ...]:
        """Return the places of the topics that have this very wording."""
        return self._keys.get(match_key(normalised), ())

    def is_stranger(self, normalised: str) -> bool:
        """Tell whether reviewers said that this very question belongs to no topic."""
        return match_key(normalised) in self._strange

    def suggestion(self, place: int, confidence: float = 0.0) -> Suggestion:
        """Return the topic as something to click."""
        topic = self.topics[place]
        return Suggestion(topic=topic.id, question=topic.question, confidence=confidence)

    def related(self, topic_id: str, now: float, limit: int = 5) -> tuple[Suggestion, ...]:
        """Return the live topics related to this one, as its editor ordered them."""
        place = self.places.get(topic_id)
        if place is None:
            return ()
        others = (self.places.get(other) for other in self.topics[place].related)
        live = [p for p in others if p is not None and self.topics[p].is_live(now)]
        return tuple(self.suggestion(p) for p in live[:limit])

    def hot(self, now: float, limit: int = 8) -> tuple[Suggestion, ...]:
        """Return the topics to show at hello, hottest first."""
        return tuple(
            Suggestion(topic=topic.id, question=topic.question)
            for topic in self.base.hot(now, limit)
        )

    def starting(self, normalised: str, now: float) -> Iterator[int]:
        """Yield the places of live topics with a wording that starts like this, each once."""
        seen: set[int] = set()
        start = bisect_left(self._typed, (normalised, -1))
        for text, place in self._typed[start : start + MAX_PREFIX_HITS]:
            if not text.startswith(normalised):
                return
            if place not in seen and self.topics[place].is_live(now):
                seen.add(place)
                yield place


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _exact(topics: Iterable[Topic]) -> dict[str, tuple[int, ...]]:
    found: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for place, topic in enumerate(topics):
        for text in topic.phrasings():
            if key := match_key(normalise(text)):
                found[key][place] = None
    return {key: tuple(places) for key, places in found.items()}


def _typed(topics: Iterable[Topic]) -> Iterator[tuple[str, int]]:
    for place, topic in enumerate(topics):
        for text in topic.phrasings():
            yield normalise(text), place


def _wordings(topics: Iterable[Topic]) -> list[tuple[str, str, int]]:
    """Return (as written, normalised, topic's place): a wording once per topic, empty ones not,
    but for a topic that has no other."""
    found: list[tuple[str, str, int]] = []
    for place, topic in enumerate(topics):
        seen: dict[str, tuple[str, str, int]] = {}
        for written in topic.phrasings():
            text = normalise(written)
            if text:
                seen.setdefault(match_key(text), (written, text, place))
        found += seen.values() or [(topic.question, "", place)]
    return found
