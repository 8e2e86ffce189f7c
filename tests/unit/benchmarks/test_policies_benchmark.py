"""The policies' benchmark, small: every policy serves its contacts, and scoring has a time."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.policies import Floor, centre, options
from benchmarks.policies_learned import in_process, question
from policies import registry
from policies.learned.training import train
from policies.sim import make_policy
from tests.unit.policies_learned.learned_support import samples


@pytest.mark.parametrize("name", registry.names())
def test_every_policy_serves_what_the_benchmark_brings(name: str) -> None:
    floor, policy = Floor(centre()), make_policy(name, centre())
    before = {agent: floor.pool[agent].given_at for agent in floor.pool}

    for _ in range(3):
        floor.serve(floor.view(), policy)

    given = [agent for agent in floor.pool if floor.pool[agent].given_at > before[agent]]
    assert 1 <= len(given) <= 3
    assert len(floor.pool.free) == len(floor.pool)
    assert len(floor.waits) == 0


def test_scoring_is_timed_call_by_call() -> None:
    model = train(samples(300), created_at=0.0)

    spent = in_process(model, candidates_n=5, calls_n=7)

    assert len(spent) == 7
    assert min(spent) > 0
    assert len(question(1, 5, Random(1)).agents) == 5


def test_the_options_have_defaults() -> None:
    assert options([]).only is None
    assert not options([]).quick
