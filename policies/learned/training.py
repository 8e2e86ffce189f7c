"""Training: decisions with outcomes in, a calibrated model with its card out.

The samples are cut by time, never at random, since that is how a model is used: the oldest part
makes the beliefs that are features, the next trains the trees, the next calibrates them, the last
and newest only judges. The model that comes out then believes what all of them say.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import lightgbm
import numpy as np
from scipy.special import logit  # type: ignore[import-untyped] # scipy ships no types
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped] # no types

from policies import features
from policies.arrays import Floats
from policies.learned.beliefs import Beliefs, Result, believe
from policies.learned.card import Card, Quality, Span
from policies.learned.judging import judged
from policies.learned.model import (
    FORMAT,
    MOST_HANDLE_S,
    TARGETS,
    Head,
    Model,
    Stored,
    believed,
    calibrated,
    version_of,
)
from policies.learned.samples import Sample

LEAST_N = 200
"""Outcomes of a target below which its beliefs serve in place of trees."""
SHARES = (0.4, 0.8, 0.9)
"""Where the samples are cut: beliefs, trees, calibration, judgement."""
ROUNDS_N = 120
LEAST_SLOPE = 0.2
"""Below it, or above its inverse, a calibration line says more of chance than of the model."""
CALIBRATION_N = 40
"""Points of a calibration map, at most."""

_TREES: dict[str, object] = {
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
}
_OBJECTIVES = {"handle_s": "gamma", "solved": "binary", "rating": "regression"}


class TrainingError(ValueError):
    """Nothing can be learned from these samples; the text says what is needed."""


class Part(NamedTuple):
    """Features of the samples whose outcome is known for one target, and that outcome."""

    rows: Floats
    values: Floats


def train(
    samples: Sequence[Sample], *, name: str = "assignment", seed: int = 1, created_at: float
) -> Model:
    """Return a model of all targets.

    Raises:
        TrainingError: there are too few samples.
    """
    ordered = sorted(samples, key=lambda sample: sample.at)
    if len(ordered) < LEAST_N:
        raise TrainingError(f"samples: {len(ordered)}; allowed: at least {LEAST_N} with outcomes")
    cuts = [0, *(int(share * len(ordered)) for share in SHARES), len(ordered)]
    first, fit, adjust, judge = (ordered[a:b] for a, b in pairwise(cuts))
    early, beliefs = beliefs_of(first), beliefs_of(ordered)
    heads: dict[str, Head] = {}
    targets: dict[str, Quality] = {}
    for target in TARGETS:
        fitted, adjusted, judged_by = (part(some, target, early) for some in (fit, adjust, judge))
        heads[target], targets[target] = _fitted(target, fitted, adjusted, judged_by, seed)
    card = Card(
        name=name,
        version=version_of(heads, beliefs),
        created_at=created_at,
        features_version=features.VERSION,
        features=list(features.NAMES),
        trained_on=_span([*first, *fit, *adjust]),
        tested_on=_span(judge),
        targets=targets,
        agents_n=len(beliefs.solved.agents),
        intents_n=len(beliefs.solved.intents),
        library=f"lightgbm {lightgbm.__version__}",
        seed=seed,
    )
    return Model(Stored(format=FORMAT, card=card, beliefs=beliefs, heads=heads))


def beliefs_of(samples: Sequence[Sample]) -> Beliefs:
    """Return what the samples let one believe of agents, intents and pairs."""

    def results(target: str) -> list[Result]:
        return [
            Result(sample.agent.id, features.intent_of(sample.contact), float(value))
            for sample in samples
            if (value := getattr(sample, target)) is not None
        ]

    return Beliefs(
        solved=believe(results("solved"), default=0.5),
        handle_s=believe(results("handle_s"), default=300.0, most=MOST_HANDLE_S),
        rating=believe(results("rating"), default=3.0),
    )


def part(samples: Sequence[Sample], target: str, beliefs: Beliefs) -> Part:
    """Return features and outcomes of the samples that have this target."""
    known = [sample for sample in samples if getattr(sample, target) is not None]
    rows = [features.matrix(s.contact, [s.agent], s.at, beliefs) for s in known]
    return Part(
        np.concatenate(rows) if rows else np.empty((0, len(features.NAMES))),
        np.array([float(getattr(sample, target)) for sample in known]),
    )


def _fitted(target: str, fit: Part, adjust: Part, judge: Part, seed: int) -> tuple[Head, Quality]:
    """Return one target's head, and how good it is on samples that it has not seen."""
    head = _head(target, fit, adjust, seed)
    pool = float(fit.values.mean()) if len(fit.values) else 0.0
    guess = _guess(target, head, judge.rows)
    return head, judged(target, judge.values, guess, pool, trained=bool(head.trees))


def _head(target: str, fit: Part, adjust: Part, seed: int) -> Head:
    """Return trees and their calibration, neither where there are too few outcomes."""
    if len(fit.values) < LEAST_N or len(adjust.values) < LEAST_N // 4 or np.ptp(fit.values) == 0:
        return Head()
    values = np.maximum(fit.values, 1.0) if target == "handle_s" else fit.values
    data = lightgbm.Dataset(fit.rows, values, feature_name=list(features.NAMES))
    options = {**_TREES, "objective": _OBJECTIVES[target], "seed": seed}
    booster = lightgbm.train(options, data, ROUNDS_N)
    raw = np.asarray(booster.predict(adjust.rows, num_threads=1), dtype=np.float64)
    predicted, to = _calibration(target, raw, adjust.values)
    return Head(trees=booster.model_to_string(), predicted=predicted, calibrated=to)


def _calibration(target: str, raw: Floats, values: Floats) -> tuple[list[float], list[float]]:
    """Return an increasing map from predictions to what came of them.

    Chances: a straight line on log odds, which keeps their order, read off at points. Others: a
    straight line. Sources: Platt (1999), "Probabilistic outputs for support
    vector machines"; Niculescu-Mizil and Caruana (2005), "Predicting good probabilities".
    """
    grid = np.unique(np.quantile(raw, np.linspace(0, 1, CALIBRATION_N)))
    if target != "solved":
        return grid.tolist(), _line(raw, values, grid).tolist()
    if np.ptp(values) == 0:
        return grid.tolist(), grid.tolist()
    fitted = LogisticRegression(C=1e3).fit(logit(_inside(raw))[:, None], values)
    chances = fitted.predict_proba(logit(_inside(grid))[:, None])[:, 1]
    return grid.tolist(), np.asarray(chances, dtype=np.float64).tolist()


def _line(raw: Floats, values: Floats, grid: Floats) -> Floats:
    """Return the least-squares line where its slope is believable, else one factor."""
    spread = float(np.var(raw))
    slope = float(np.cov(raw, values, bias=True)[0, 1]) / spread if spread > 0 else 0.0
    if LEAST_SLOPE <= slope <= 1.0 / LEAST_SLOPE:
        found: Floats = values.mean() + slope * (grid - raw.mean())
        return found
    return grid * float(values.mean() / raw.mean())


def _inside(chances: Floats) -> Floats:
    found: Floats = np.clip(chances, 1e-6, 1 - 1e-6)
    return found


def _guess(target: str, head: Head, rows: Floats) -> Floats:
    if not head.trees or len(rows) == 0:
        return believed(target, rows)
    booster = lightgbm.Booster(model_str=head.trees)
    raw = np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64)
    return calibrated(target, raw, head.predicted, head.calibrated)


def _span(samples: Sequence[Sample]) -> Span:
    return Span(samples[0].at, samples[-1].at, len(samples))
