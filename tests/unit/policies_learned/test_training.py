"""Training on decisions with known causes, the card, and the model's file."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from policies import features
from policies.learned.card import told
from policies.learned.model import Model, ModelError, decode, encode
from policies.learned.training import TrainingError, beliefs_of, train
from tests.unit.policies_learned.learned_support import CHANCES, SECONDS, agent, contact, samples

NOW = 1_800_000_000.0
PEOPLE = [agent(name, idle_since=NOW - 100) for name in (*CHANCES, "new")]


@cache
def trained() -> Model:
    """Return one model for all of these tests."""
    return train(samples(4000), created_at=NOW)


def test_predictions_are_near_the_truth_and_a_new_agent_is_like_the_pool() -> None:
    found = trained().predict(contact(at=NOW - 30), PEOPLE, NOW)

    assert found.solved[:3] == pytest.approx(list(CHANCES.values()), abs=0.1)
    assert found.handle_s[:3] == pytest.approx(list(SECONDS.values()), rel=0.4)
    assert 0.4 < found.solved[3] < 0.8
    assert 180 < found.handle_s[3] < 420
    assert (found.rating == 3.0).all()


def test_the_card_says_what_it_was_made_of_and_that_it_beats_the_pool() -> None:
    card = trained().card
    solved, handle = (card.targets[name].metrics for name in ("solved", "handle_s"))

    assert card.trained_on.n + card.tested_on.n == 4000
    assert card.trained_on.last_at < card.tested_on.first_at
    assert card.features == list(features.NAMES)
    assert solved["log_loss"] < solved["baseline_log_loss"] - 0.05
    assert solved["auc"] > 0.7
    assert handle["gamma_deviance"] < handle["baseline_gamma_deviance"]
    assert solved["calibration_error"] < 0.1
    assert sum(b.n for b in card.targets["solved"].calibration) == card.tested_on.n
    assert not card.targets["rating"].trained
    assert "too few outcomes" in told(card)


def test_the_same_log_and_seed_give_the_same_version() -> None:
    some = samples(800)
    assert train(some, created_at=1.0).version == train(some[::-1], created_at=2.0).version
    assert (
        train(some, created_at=1.0).version != train(samples(800, seed=2), created_at=1.0).version
    )


def test_several_contacts_are_predicted_in_one_batch_as_one_by_one() -> None:
    first, second = contact(1, NOW - 9), contact(2, NOW - 99, queue="technical")

    together = trained().predict_many([(first, PEOPLE), (second, PEOPLE[:2])], NOW)

    assert (together[0].solved == trained().predict(first, PEOPLE, NOW).solved).all()
    assert (together[1].handle_s == trained().predict(second, PEOPLE[:2], NOW).handle_s).all()
    assert trained().predict_many([], NOW) == []


def test_a_model_comes_back_from_its_file_the_same() -> None:
    again = decode(encode(trained().stored), "model.json")

    assert again.card == trained().card
    asked = (contact(at=NOW), PEOPLE, NOW)
    assert (again.predict(*asked).solved == trained().predict(*asked).solved).all()


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"samples: 20; allowed: at least 200"):
        train(samples(20), created_at=NOW)


def test_few_outcomes_of_a_target_leave_it_to_beliefs() -> None:
    small = train(samples(250), created_at=NOW)

    assert not small.card.targets["solved"].trained
    found = small.predict(contact(at=NOW), PEOPLE[:3], NOW)
    beliefs = beliefs_of(samples(250)).solved
    assert found.solved == pytest.approx(
        [beliefs.of_pair(a.id, "queue:billing") for a in PEOPLE[:3]]
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: b"\x80pickle", "m.json: not JSON"),
        (lambda d: {**d, "format": "raydesk.model/9"}, "format: 'raydesk.model/9'; allowed: "),
        (lambda d: {**d, "beliefs": 3}, "Expected `object`, got `int`"),
        (lambda d: {**d, "heads": {}}, "is not the hash of the model"),
        (
            lambda d: {**d, "card": {**d["card"], "features_version": "0"}},
            "features_version: '0'; allowed: '1'",
        ),
        (lambda _: [1], "format: None"),
    ],
)
def test_a_file_that_is_no_model_of_ours_is_refused(change, says) -> None:
    data = change(json.loads(encode(trained().stored)))
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(ModelError, match=says):
        decode(raw, "m.json")


def test_features_are_made_of_nothing_protected() -> None:
    words = {word for name in features.NAMES for word in name.split("_")}

    assert not words & features.PROTECTED
    beliefs = trained().stored.beliefs
    plain = features.matrix(contact(at=NOW - 5), PEOPLE, NOW, beliefs)
    assert plain.shape == (4, len(features.NAMES))
    assert np.isfinite(plain).all()
