"""The Gymnasium environment over the simulator."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from policies.sim import Scenario, make_scenario, simulate
from policies.sim.environment import CentreEnv


@pytest.fixture
def centre() -> Scenario:
    kind = {"handle": {"mean_s": 60}, "patience": {"mean_s": 60}}
    return make_scenario(
        {
            "length": 3600,
            "seed": 3,
            "types": {
                "a": {"arrivals": {"per_hour": 60}, **kind},
                "b": {"arrivals": {"per_hour": 40}, **kind},
            },
            "groups": {
                "one": {"agents": 1, "skills": {"a": 1}},
                "both": {"agents": 1, "skills": {"a": 1, "b": 1}},
            },
        }
    )


def test_gymnasiums_own_check_passes(centre: Scenario) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it dislikes unbounded boxes
        check_env(CentreEnv(centre), skip_render_check=True)


def test_choosing_the_first_group_that_may_is_as_good_as_a_policy_that_does(
    centre: Scenario,
) -> None:
    env = CentreEnv(centre, abandon_cost=0.0)
    total, (_, told), ended = 0.0, env.reset(seed=3), False
    while not ended:
        action = int(np.argmax(told["action_mask"]))
        _, reward, ended, _, told = env.step(np.int64(action))
        total += reward
    ranked = centre.model_copy(
        update={
            "groups": {
                "one": centre.groups["one"],
                "both": centre.groups["both"].model_copy(update={"priority": {"a": 2, "b": 2}}),
            }
        }
    )
    found = simulate(ranked, "static_skill_priority", replications=2, engine="python")

    assert total < 0
    assert total == pytest.approx(-found.sums["wait_s"][0].sum() / 60, rel=1e-9)


def test_an_action_that_may_not_lets_the_contact_wait(centre: Scenario) -> None:
    env = CentreEnv(centre)
    seen, told = env.reset(seed=3)
    while told["action_mask"][0]:
        seen, _, _, _, told = env.step(np.int64(np.argmax(told["action_mask"])))
    contact_n = seen[2:4].sum()
    before = told["now_s"]

    seen, _, _, _, told = env.step(np.int64(0))

    assert seen[2:4].sum() >= contact_n
    assert told["now_s"] > before


def test_an_episode_that_is_over_asks_for_a_reset(centre: Scenario) -> None:
    env = CentreEnv(centre)
    ended, (_, told) = False, env.reset(seed=3)
    while not ended:
        _, _, ended, _, told = env.step(np.int64(np.argmax(told["action_mask"])))

    with pytest.raises(ResetNeeded):
        env.step(np.int64(0))
