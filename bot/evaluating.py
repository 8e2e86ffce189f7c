"""Examine an understanding on questions whose topics are known: the numbers of docs/bot.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.answering import Understanding
from bot.calibrating import calibration_error
from bot.datasets import Asked, Dataset, base_of
from bot.encoder import Encoder
from bot.thresholds import Judged, choose_thresholds

LEVELS = (0.915, 0.90)
"""In-scope accuracies at which the recall of strangers is told."""
SHOTS = (5, 10)
ANCHORS = {
    "banking77": {"BERT tuned": 0.9366, "USE+ConveRT": 0.9336},
    "clinc150": {"BERT": 0.969, "Rasa": 0.915},
}
"""Published accuracies on the same test splits (Casanueva et al. 2020; Larson et al. 2019)."""
Tell = Callable[[str], None]
Bools = NDArray[np.bool_]


class Marks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one examination gave. Shares are of 1; `answered` is the share of known questions in
    the answer band, `answer_precision` how often that was right, strangers left out, and
    `answer_precision_all` with strangers counted as wrong, as often as they were asked."""

    questions_n: int
    strangers_n: int
    accuracy: float
    hit_5: float
    calibration_error: float
    answered: float
    answer_precision: float
    answer_precision_all: float
    clarified: float
    clarify_hit: float
    stranger_recall: dict[str, float] = {}
    learn_s: float = 0.0


def examine(bot: Understanding, asked: Sequence[Asked], now: float) -> Marks:
    """Return the marks of one understanding on questions with their right topics."""
    judged, hit_5, bands = _judge(bot, asked, now)
    own = ~judged.stranger
    answered, clarified = bands == "answer", bands == "clarify"
    return Marks(
        questions_n=int(own.sum()),
        strangers_n=int(judged.stranger.sum()),
        accuracy=_mean(judged.right[own]),
        hit_5=_mean(hit_5[own]),
        calibration_error=calibration_error_of(judged),
        answered=_mean(answered[own]),
        answer_precision=_mean(judged.right[own & answered]),
        answer_precision_all=_mean(judged.right[answered]),
        clarified=_mean(clarified[own]),
        clarify_hit=_mean(hit_5[own & clarified]),
        stranger_recall={
            f"{level:.3f}": stranger_recall(judged, level)
            for level in LEVELS
            if judged.stranger.any()
        },
    )


def judge(bot: Understanding, asked: Sequence[Asked], now: float) -> Judged:
    """Return how the understanding did on each question, for thresholds and gates."""
    return _judge(bot, asked, now)[0]


def calibration_error_of(judged: Judged) -> float:
    """Return the calibration error on the questions that have a right topic; 0 without any."""
    own = ~judged.stranger
    return calibration_error(judged.confidence[own], judged.right[own])


def calibrate(
    bot: Understanding, reviewed: Sequence[Asked], target_precision: float, now: float
) -> Understanding:
    """Return the understanding with the bands that the reviewed questions ask for."""
    judged = judge(bot, reviewed, now)
    return bot.with_thresholds(choose_thresholds(judged, target_precision, None))


def stranger_recall(judged: Judged, accuracy: float) -> float:
    """Return the share of strangers turned away at the highest `known` threshold that leaves at
    least `accuracy` of the known questions both accepted and right; 0 if none does."""
    own = ~judged.stranger
    limits = np.unique(judged.known[own])
    right = np.sort(judged.known[own & judged.right])
    kept = (len(right) - np.searchsorted(right, limits)) / max(int(own.sum()), 1)
    met = limits[kept >= accuracy]
    return _mean(judged.known[judged.stranger] < met.max()) if len(met) else 0.0


def threshold_for(judged: Judged, accuracy: float) -> float:
    """Return the highest `known` threshold that leaves `accuracy` of known questions right."""
    own = ~judged.stranger
    limits = np.unique(judged.known[own])
    right = np.sort(judged.known[own & judged.right])
    met = limits[(len(right) - np.searchsorted(right, limits)) / int(own.sum()) >= accuracy]
    return float(met.max()) if len(met) else 0.0


def cold_start(  # noqa: PLR0917
    data: Dataset,
    shots: int,
    seeds: int,
    now: float,
    tell: Tell,
    encoder: Encoder | None = None,
) -> list[float]:
    """Return hit@1 on the test split per seed, having learned only `shots` wordings a topic."""
    names = sorted({topic for _, topic in data.train})
    found = []
    for seed in range(seeds):
        tell(f"cold start, {shots} wordings a topic, seed {seed}")
        dice = np.random.default_rng(seed)
        few: list[Asked] = []
        for name in names:
            own = [one for one in data.train if one[1] == name]
            few += [own[i] for i in dice.choice(len(own), min(shots, len(own)), replace=False)]
        bot = Understanding.learn(base_of(few, data.name), encoder=encoder)
        found.append(examine(bot, [one for one in data.test if one[1]], now).accuracy)
    return found


def examine_dataset(
    data: Dataset,
    *,
    seeds: int,
    target_precision: float,
    now: float,
    tell: Tell,
    encoder: Encoder | None = None,
) -> dict[str, object]:
    """Return every number of docs/bot.md about one set; the test split is used only to report."""
    tell("learning the training split")
    start = time.perf_counter()
    bot = Understanding.learn(data.base(), target_precision=target_precision, encoder=encoder)
    learn_s = time.perf_counter() - start
    tell("answering the test split")
    marks = msgspec.structs.replace(examine(bot, data.test, now), learn_s=learn_s)
    result: dict[str, object] = {
        "dataset": data.name,
        "anchors": ANCHORS.get(data.name, {}),
        "topics": len(bot.catalogue.topics),
        "wordings": len(data.train),
        "marks": marks,
        "expected": bot.forecast(),
    }
    if data.validation:
        tell("choosing the stranger threshold on the validation split")
        result["strangers"] = _strangers(bot, data, now)
    result["cold_start"] = {
        str(shots): _spread(cold_start(data, shots, seeds, now, tell, encoder))
        for shots in SHOTS
        if seeds
    }
    return result


def _strangers(bot: Understanding, data: Dataset, now: float) -> dict[str, dict[str, float]]:
    """Return per level what the threshold chosen on the validation split gives on the test."""
    chosen, seen = judge(bot, data.validation, now), judge(bot, data.test, now)
    own = ~seen.stranger
    found = {}
    for level in LEVELS:
        limit = threshold_for(chosen, level)
        found[f"{level:.3f}"] = {
            "accuracy": _mean((seen.right & (seen.known >= limit))[own]),
            "recall": _mean((seen.known < limit)[~own]),
        }
    return found


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "sd": float(np.std(values)), "seeds": len(values)}


def _judge(
    bot: Understanding, asked: Sequence[Asked], now: float
) -> tuple[Judged, Bools, NDArray[np.str_]]:
    decisions = bot.answer_many([text for text, _ in asked], now=now, audience=None)
    offers = bot.best_many([text for text, _ in asked], now=now, limit=5)
    topics = [topic for _, topic in asked]
    pairs = list(zip(decisions, topics, strict=True))
    judged = Judged(
        confidence=np.array([one.confidence for one, _ in pairs], float),
        known=np.array([one.known for one, _ in pairs], float),
        right=np.array([bool(topic) and one.topic == topic for one, topic in pairs], bool),
        stranger=np.array([not topic for topic in topics], bool),
    )
    hit_5 = np.array([topic in five for five, topic in zip(offers, topics, strict=True)], bool)
    return judged, hit_5, np.array([one.band for one in decisions], "U8")


def _mean(chosen: NDArray[np.generic]) -> float:
    return float(chosen.mean()) if len(chosen) else 0.0
