"""A trained model: predictions for a contact with each of several agents, and its file.

The file is JSON, LightGBM's trees as their own text inside it: nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import lightgbm
import msgspec
import numpy as np

from policies import features
from policies.arrays import Floats
from policies.learned.beliefs import Beliefs
from policies.learned.card import Card
from policies.view import AgentView, ContactView

FORMAT = "raydesk.model/1"
TARGETS = ("handle_s", "solved", "rating")
LEAST_HANDLE_S, MOST_HANDLE_S = 1.0, 86_400.0


class ModelError(ValueError):
    """A model that cannot be used. The text names the file, the field and what is allowed."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One target: trees and their calibration; no trees: the belief about the pair."""

    trees: str = ""
    predicted: list[float] = []
    calibrated: list[float] = []
    """Piecewise linear map from raw predictions, ascending, to calibrated ones."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    format: str
    card: Card
    beliefs: Beliefs
    heads: dict[str, Head]


class Predictions(msgspec.Struct, frozen=True):
    """Per agent, in the order asked: seconds of handle time, chance of solving, rating (1-5)."""

    handle_s: Floats
    solved: Floats
    rating: Floats


class Model:
    """Predicts. What it remembers between calls makes it faster, never different."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.card = stored, stored.card
        self._known: features.Known = {}
        self._boosters = {
            target: lightgbm.Booster(model_str=head.trees)
            for target, head in stored.heads.items()
            if head.trees
        }

    @property
    def version(self) -> str:
        """Return the name and version, as the decision log has it."""
        return f"{self.card.name}:{self.card.version}"

    def predict(self, contact: ContactView, agents: Sequence[AgentView], now: float) -> Predictions:
        """Return the predictions for the contact with each agent."""
        return self.predict_many([(contact, agents)], now)[0]

    def predict_many(
        self, asked: Sequence[tuple[ContactView, Sequence[AgentView]]], now: float
    ) -> list[Predictions]:
        """Return the predictions of several contacts, all in one batch."""
        beliefs = self.stored.beliefs
        blocks = [
            features.matrix(contact, agents, now, beliefs, self._known) for contact, agents in asked
        ]
        rows = np.concatenate(blocks) if blocks else np.empty((0, len(features.NAMES)))
        found = {target: self._head(target, rows) for target in TARGETS}
        edges = np.cumsum([0, *(len(block) for block in blocks)])
        return [
            Predictions(*(found[target][start:stop] for target in TARGETS))
            for start, stop in pairwise(edges)
        ]

    def _head(self, target: str, rows: Floats) -> Floats:
        booster = self._boosters.get(target)
        if booster is None or len(rows) == 0:
            return believed(target, rows)
        raw = np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64)
        head = self.stored.heads[target]
        return calibrated(target, raw, head.predicted, head.calibrated)


def believed(target: str, rows: Floats) -> Floats:
    """Return what the beliefs alone predict: they are among the features."""
    column = {"handle_s": "handle_log_s_of_pair", "solved": "solved_of_pair"}.get(
        target, "rating_of_pair"
    )
    values = rows[:, features.NAMES.index(column)]
    return np.expm1(values) if target == "handle_s" else values


def calibrated(target: str, raw: Floats, predicted: list[float], to: list[float]) -> Floats:
    """Return raw predictions after calibration, within what is possible."""
    values = np.interp(raw, predicted, to) if predicted else raw
    bounds = {"handle_s": (LEAST_HANDLE_S, MOST_HANDLE_S), "solved": (0.0, 1.0)}
    least, most = bounds.get(target, (1.0, 5.0))
    if target == "handle_s" and predicted:
        # Beyond the last point calibration keeps its ratio: long contacts stay long.
        values = np.where(raw > predicted[-1], raw * to[-1] / predicted[-1], values)
    found: Floats = np.clip(values, least, most)
    return found


def version_of(heads: dict[str, Head], beliefs: Beliefs) -> str:
    """Return the hash that names a model's content."""
    return hashlib.sha256(msgspec.json.encode([heads, beliefs])).hexdigest()[:12]


def encode(stored: Stored) -> bytes:
    """Return the file of a model."""
    return msgspec.json.encode(stored)


def decode(data: bytes, source: str) -> Model:
    """Return the model in a file.

    Raises:
        ModelError: it is no model, was changed, or is made for other features.
    """
    try:
        kind: Any = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ModelError(f"{source}: not JSON ({error})") from error
    found = kind.get("format") if isinstance(kind, dict) else None
    if found != FORMAT:
        raise ModelError(f"{source}: format: {found!r}; allowed: {FORMAT!r}")
    try:
        stored = msgspec.convert(kind, Stored)
    except msgspec.ValidationError as error:
        raise ModelError(f"{source}: {error}") from error
    card = stored.card
    if card.features_version != features.VERSION or card.features != list(features.NAMES):
        raise ModelError(
            f"{source}: card.features_version: {card.features_version!r}; "
            f"allowed: {features.VERSION!r}, with {', '.join(features.NAMES)}"
        )
    if version_of(stored.heads, stored.beliefs) != card.version:
        raise ModelError(f"{source}: card.version: {card.version!r} is not the hash of the model")
    try:
        return Model(stored)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(f"{source}: heads.trees: {error}") from error
