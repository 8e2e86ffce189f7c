"""Samples from the decision log are those of the run that wrote it: online and offline agree."""

from __future__ import annotations

import numpy as np
import pytest

from policies import features
from policies.decisions import Outcome
from policies.joining import join
from policies.learned.samples import from_log, from_simulation
from policies.learned.training import beliefs_of
from policies.offline.simulated_log import simulated_log
from policies.random_eligible import RandomEligible
from tests.unit.policies_sim.known_centres import one_type

CENTRE = one_type(arrivals=0.05, mean_s=120, agents=9, contacts=300).model_copy(
    update={"warm_up": 0.0}
)


def test_the_log_and_the_run_give_the_same_features_and_outcomes() -> None:
    rows = simulated_log(CENTRE, RandomEligible(), 3)
    logged = {sample.contact.id: sample for sample in from_log(rows)}
    seen = {sample.contact.id: sample for sample in from_simulation(CENTRE, RandomEligible(), 3)}

    assert len(seen) > 200
    assert logged.keys() == seen.keys()
    beliefs = beliefs_of(list(seen.values()))
    for key, sample in seen.items():
        other = logged[key]
        assert other.solved == sample.solved
        assert other.handle_s == pytest.approx(sample.handle_s)
        assert np.array_equal(
            features.matrix(sample.contact, [sample.agent], sample.at, beliefs),
            features.matrix(other.contact, [other.agent], other.at, beliefs),
        )


def test_what_was_declined_or_is_not_known_is_no_sample() -> None:
    rows = simulated_log(CENTRE, RandomEligible(), 3)[:3]
    declined = Outcome(
        decision=rows[0].id, session="x", at=rows[0].at, ending="declined", handle_s=5.0
    )
    without = [row for row in join(rows, [declined]) if row.id == rows[0].id]

    assert len(from_log(rows)) == 3
    assert from_log(without) == []
