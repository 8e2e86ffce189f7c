"""How good predictions are, and whether they mean what they say."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped] # no types

from policies.arrays import Floats
from policies.learned.card import Bin, Quality

BINS_N = 10


def judged(target: str, values: Floats, guess: Floats, pool: float, *, trained: bool) -> Quality:
    """Return the quality of guesses against outcomes; `pool` is the guess that knows nobody."""
    if len(values) == 0:
        return Quality(n=0, trained=trained)
    flat = np.full(len(values), pool)
    if target == "solved":
        metrics = {
            "log_loss": log_loss(values, guess),
            "baseline_log_loss": log_loss(values, flat),
            "brier": float(((values - guess) ** 2).mean()),
            "baseline_brier": float(((values - flat) ** 2).mean()),
        }
        if 0 < values.mean() < 1:
            metrics["auc"] = float(roc_auc_score(values, guess))
    else:
        metrics = {
            "mean_absolute_error": float(np.abs(values - guess).mean()),
            "baseline_mean_absolute_error": float(np.abs(values - flat).mean()),
            "mean_ratio": float(guess.mean() / values.mean()),
        }
        if target == "handle_s":
            metrics["gamma_deviance"] = gamma_deviance(values, guess)
            metrics["baseline_gamma_deviance"] = gamma_deviance(values, flat)
    bins = calibration(values, guess)
    metrics["calibration_error"] = sum(b.n * abs(b.predicted - b.observed) for b in bins) / len(
        values
    )
    return Quality(n=len(values), metrics=metrics, calibration=bins, trained=trained)


def log_loss(values: Floats, guess: Floats) -> float:
    """Return the mean negative log likelihood of chances."""
    p = np.clip(guess, 1e-6, 1 - 1e-6)
    return float(-(values * np.log(p) + (1 - values) * np.log1p(-p)).mean())


def gamma_deviance(values: Floats, guess: Floats) -> float:
    """Return the mean unit deviance of the gamma family."""
    ratio = np.maximum(values, 1.0) / np.maximum(guess, 1.0)
    return float(2 * (ratio - 1 - np.log(ratio)).mean())


def calibration(values: Floats, guess: Floats) -> list[Bin]:
    """Return bins of equally many guesses, in order: mean guess and mean outcome of each."""
    order = np.argsort(guess, kind="stable")
    return [
        Bin(float(guess[rows].mean()), float(values[rows].mean()), len(rows))
        for rows in np.array_split(order, min(BINS_N, len(values)))
    ]
