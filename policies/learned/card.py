"""The model card: what a model was trained on, how good it is, and what it may not be used for."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True):
    """The decisions that something was made of."""

    first_at: float
    last_at: float
    n: int


class Bin(msgspec.Struct, frozen=True):
    """One bar of a calibration plot: what was predicted, what came, of how many."""

    predicted: float
    observed: float
    n: int


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """One target on decisions later than all that the model saw.

    `metrics` has the model's and, under `baseline_...`, those of the pool's mean alone.
    """

    n: int
    metrics: dict[str, float] = {}
    calibration: list[Bin] = []
    trained: bool = True
    """False: too few outcomes; predictions are the beliefs about agents and intents."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that somebody must know before they promote a model."""

    name: str
    version: str
    """Hash of the model itself."""
    created_at: float
    features_version: str
    features: list[str]
    trained_on: Span
    tested_on: Span
    targets: dict[str, Quality]
    agents_n: int
    intents_n: int
    library: str
    seed: int
    intended_use: str = (
        "Ordering eligible agents for one contact, within the guards of the policy `learned`. "
        "Not for judging, paying or dismissing people."
    )
    excluded: str = "Names, customer ids, languages of persons, VIP levels, protected attributes."


def told(card: Card) -> str:
    """Return the card as text for people."""
    lines = [
        f"{card.name} {card.version}, features {card.features_version}, {card.library}",
        f"trained on {card.trained_on.n:,} decisions, tested on {card.tested_on.n:,} after them",
        f"{card.agents_n} agents, {card.intents_n} intents",
    ]
    for target, quality in card.targets.items():
        how = "" if quality.trained else " (too few outcomes: beliefs alone)"
        lines.append(f"{target}: {quality.n:,} test outcomes{how}")
        lines += [f"  {name} {value:.4g}" for name, value in quality.metrics.items()]
    lines += [f"use: {card.intended_use}", f"never shown: {card.excluded}"]
    return "\n".join(lines)
