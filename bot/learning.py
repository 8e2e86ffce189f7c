"""Learn a base: hold wordings and whole topics back, see how the views do on them, then use all.

A held-out wording says how sure the model may be. A topic that was left out altogether says how
a question looks that is about nothing in the base; strangers that reviewers named join them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from bot.calibrating import choose_calibration
from bot.combining import (
    F64,
    Combiner,
    Line,
    combined,
    fit_line,
    fit_weights,
    signs,
)
from bot.encoder import Encoder, open_encoder
from bot.model import Embedded, Model, Scores, Views
from bot.sparse import Cut
from bot.thresholds import STRANGER_SHARE, Judged

HELD_WORDINGS = 0.2
HELD_TOPICS = 0.15
MAX_HELD_CELLS = 5_000_000
"""Held-out wordings x topics that are looked at in one round: more say no more."""
LEAST_TOPICS = 6
"""With fewer topics none is left out: the views would see another base."""
KNOWN_PULL = 1.0
Tell = Callable[[str, float], None]
"""Progress: what is being done, and which share of all is done."""


class Wordings(NamedTuple):
    """What is learned from: normalised wordings, whole and cut, and the place of each one's topic,
    ascending; strangers; and the same wordings as an encoder reads them."""

    texts: Sequence[str]
    cut: Cut
    owner: NDArray[np.int64]
    topics_n: int
    strangers: Sequence[str]
    embedded: Embedded

    def views(self, places: NDArray[np.int64], number: NDArray[np.int64], seed: int) -> Views:
        """Learn the wordings at `places`; `number` is the place of each topic among theirs."""
        return Views.fit(
            *self.cut.taught(places, number[self.owner[places]]),
            int(number.max(initial=-1)) + 1,
            seed,
            self.embedded.chosen(places),
        )

    def scores(self, views: Views, places: NDArray[np.int64]) -> Scores:
        """Return what the views say of the wordings at `places`."""
        read = self.cut.read(places, views.vocabulary)
        return views.scores_of(*read, self.embedded.rows[places])


class Round(NamedTuple):
    """One set of wordings held out, and what the views of the rest said of them. `held` are
    places of wordings, `places` of topics; `right` counts among the topics of the round."""

    held: NDArray[np.int64]
    right: NDArray[np.int64]
    scores: Scores
    strange: Scores


class Evidence(NamedTuple):
    """What held-out questions taught: how each was judged, and which wording it was, -1 for a
    stranger."""

    judged: Judged
    wording: NDArray[np.int64]


class Learned(NamedTuple):
    """A model and the evidence about it."""

    model: Model
    evidence: Evidence


NO_EVIDENCE = Evidence(
    Judged(
        confidence=np.zeros(0),
        known=np.zeros(0),
        right=np.zeros(0, bool),
        stranger=np.zeros(0, bool),
    ),
    np.zeros(0, np.int64),
)


def learn(
    texts: Sequence[str],
    topics: Sequence[int],
    topics_n: int,
    strangers: Sequence[str] = (),
    *,
    seed: int = 0,
    tell: Tell | None = None,
    encoder: Encoder | None = None,
) -> Learned:
    """Learn from normalised wordings and the place of each one's topic, deterministically.

    `encoder`: one that an operator named; without, the word vectors.
    """
    reads, say = encoder or open_encoder(), tell or _silent
    # Many threads for sums this small only wait for each other, on cores that others need.
    with threadpool_limits(1):
        return _learned(texts, topics, topics_n, strangers, seed, say, reads)


def _learned(  # noqa: PLR0917
    texts: Sequence[str],
    topics: Sequence[int],
    topics_n: int,
    strangers: Sequence[str],
    seed: int,
    say: Tell,
    encoder: Encoder,
) -> Learned:
    say("features", 0.0)
    embedded = Embedded(encoder, encoder.embed(texts))
    owner = np.array(topics, np.int64)
    wordings = Wordings(texts, Cut.of(texts), owner, topics_n, strangers, embedded)
    rounds = []
    n = rounds_n(len(texts), topics_n)
    for k in range(n):
        say("held-out round", (0.1 + 0.5 * k / max(n, 1)))
        dice = np.random.default_rng((seed, k))
        rounds.append(_round(wordings, dice))
    say("final model", 0.6)
    views = wordings.views(np.arange(len(texts)), np.arange(topics_n), seed)
    combiner, evidence = judge_rounds(rounds, seed)
    say("done", 1.0)
    return Learned(Model(views, combiner), evidence)


def rounds_n(wordings: int, topics_n: int) -> int:
    """Return how often wordings are held out: small bases are soon learned, and need it more."""
    if wordings <= topics_n or topics_n < 2:
        return 0
    return 1 if wordings > 3_000 else 2 if wordings > 600 else 4 if wordings > 300 else 8


def judge_rounds(rounds: Sequence[Round], seed: int = 0) -> tuple[Combiner, Evidence]:
    """Return what the views are worth together, and how that did on what was held out."""
    weights = fit_weights([(r.scores.views, r.right) for r in rounds])
    tops = [combined(r.scores.views, weights) for r in rounds]
    top = _joined([t.max(axis=1) for t in tops]).astype(np.float64)
    hits = _joined([t.argmax(axis=1) == r.right for t, r in zip(tops, rounds, strict=True)])
    calibration = choose_calibration(top, hits.astype(bool), seed)
    known = _fit_known(rounds, Combiner(weights=weights, calibration=calibration))
    combiner = Combiner(weights=weights, calibration=calibration, known=known)
    return combiner, _evidence(rounds, combiner) if rounds else NO_EVIDENCE


def _silent(_what: str, _share: float) -> None:
    pass


def _joined(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    return np.concatenate([*parts]) if parts else np.zeros(0)


def _round(wordings: Wordings, dice: np.random.Generator) -> Round:
    owner = wordings.owner
    gone = _topics_left_out(wordings.topics_n, dice)
    kept = np.flatnonzero(~gone)
    number = np.cumsum(~gone) - 1
    held = _wordings_held(owner, kept, dice)
    seen = np.flatnonzero(~gone[owner] & ~held)
    views = wordings.views(seen, number, int(dice.integers(2**31)))
    enough = max(1, MAX_HELD_CELLS // len(kept))
    at = _some(np.flatnonzero(held), enough, dice)
    odd = wordings.scores(views, _some(np.flatnonzero(gone[owner]), enough, dice))
    strange = _below(odd, views.scores(wordings.strangers)) if wordings.strangers else odd
    return Round(at, number[owner[at]], wordings.scores(views, at), strange)


def _below(one: Scores, other: Scores) -> Scores:
    views = np.concatenate([one.views, other.views], axis=1)
    return Scores(views, *(np.concatenate(pair) for pair in zip(one[1:], other[1:], strict=True)))


def _some(places: NDArray[np.int64], most: int, dice: np.random.Generator) -> NDArray[np.int64]:
    return places if len(places) <= most else np.sort(dice.choice(places, most, replace=False))


def _topics_left_out(topics_n: int, dice: np.random.Generator) -> NDArray[np.bool_]:
    gone = np.zeros(topics_n, bool)
    if topics_n >= LEAST_TOPICS:
        n = max(1, round(HELD_TOPICS * topics_n))
        gone[dice.choice(topics_n, n, replace=False)] = True
    return gone


def _wordings_held(
    owner: NDArray[np.int64], kept: NDArray[np.int64], dice: np.random.Generator
) -> NDArray[np.bool_]:
    """Hold back a fifth of each topic's wordings, of two every other time one, never the last."""
    held = np.zeros(len(owner), bool)
    for topic in kept:
        own = np.flatnonzero(owner == topic)
        n = round(HELD_WORDINGS * len(own))
        if n == 0 and len(own) > 1:
            n = int(len(own) > 2 or dice.random() < 0.5)
        held[dice.choice(own, n, replace=False)] = True
    return held


def _fit_known(rounds: Sequence[Round], combiner: Combiner) -> Line:
    """Learn to tell held-out wordings from strangers, as if these were `STRANGER_SHARE` of all."""
    own = [_signs(r.scores, combiner) for r in rounds]
    odd = [_signs(r.strange, combiner) for r in rounds]
    n, odd_n = sum(map(len, own)), sum(map(len, odd))
    if not n or not odd_n:
        return combiner.known
    right = np.arange(n + odd_n) < n
    weigh = np.where(right, 1.0, STRANGER_SHARE / (1 - STRANGER_SHARE) * n / odd_n)
    return fit_line(np.concatenate([*own, *odd]), right, weigh, combiner.known, KNOWN_PULL)


def _signs(scores: Scores, combiner: Combiner) -> F64:
    chances = combined(scores.views, combiner.weights)
    return signs(scores.views, chances, scores.known_words, scores.length)


def _evidence(rounds: Sequence[Round], combiner: Combiner) -> Evidence:
    parts = [_judged(r, combiner, stranger=odd) for r in rounds for odd in (False, True)]
    sure, known, right, odd, wording = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Evidence(Judged(confidence=sure, known=known, right=right, stranger=odd), wording)


def _judged(r: Round, combiner: Combiner, *, stranger: bool) -> tuple[NDArray[np.generic], ...]:
    scores = r.strange if stranger else r.scores
    n = scores.views.shape[1]
    chances, known = combiner.judge(*scores)
    right = np.zeros(n, bool) if stranger else chances.argmax(axis=1) == r.right
    wording = np.full(n, -1) if stranger else r.held
    return (
        chances.max(axis=1).astype(float),
        known.astype(float),
        right,
        np.full(n, stranger),
        wording,
    )
