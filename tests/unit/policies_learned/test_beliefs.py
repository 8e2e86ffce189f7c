"""Beliefs about agents and intents: means shrunk to the pool."""

from __future__ import annotations

from random import Random

import pytest

from policies.learned.beliefs import MOST_WEIGHT, Result, believe


def test_who_was_never_seen_is_like_the_pool() -> None:
    belief = believe([Result("a", "x", 1.0), Result("b", "x", 0.0)] * 20, default=0.5)

    assert belief.of_agent("new") == belief.mean == 0.5
    assert belief.of_pair("new", "unheard of") == 0.5
    assert belief.pair_n("new", "x") == 0


def test_nothing_known_at_all_is_the_default() -> None:
    belief = believe([], default=300.0)

    assert belief.of_pair("a", "x") == 300.0


def test_few_outcomes_move_a_belief_less_than_many() -> None:
    dice = Random(1)
    results = [
        Result(f"a{n}", "x", float(dice.random() < chance))
        for n, chance in enumerate([0.3, 0.5, 0.7, 0.9] * 5)
        for _ in range(100)
    ]
    few = believe([*results, *[Result("new", "x", 1.0)] * 2], default=0.5)
    many = believe([*results, *[Result("new", "x", 1.0)] * 80], default=0.5)

    assert few.mean < few.of_agent("new") < 0.85
    assert many.of_agent("new") > 0.93
    assert few.agent_weight < 20


def test_agents_who_differ_only_by_chance_all_count_as_the_pool() -> None:
    dice = Random(2)
    results = [Result(f"a{n % 30}", "x", float(dice.random() < 0.6)) for n in range(3000)]
    belief = believe(results, default=0.5)

    assert belief.agent_weight > 200
    assert max(abs(belief.of_agent(f"a{n}") - belief.mean) for n in range(30)) < 0.05
    assert belief.intent_weight == MOST_WEIGHT


def test_handle_times_shrink_by_the_same_rule_and_endless_ones_are_cut() -> None:
    results = [Result("slow", "x", 600.0), Result("fast", "x", 200.0)] * 50
    belief = believe(results, default=300.0)

    assert belief.of_agent("slow") == pytest.approx(600, rel=0.05)
    assert believe([*results, Result("fast", "x", 1e9)], 300.0, most=86_400.0).mean < 2000


def test_a_new_pair_is_what_its_agent_and_its_intent_promise() -> None:
    results = [
        Result(agent, intent, value)
        for agent, intent, value in [
            ("good", "easy", 1.0), ("good", "easy", 1.0),
            ("bad", "easy", 1.0), ("bad", "easy", 0.0),
            ("bad", "hard", 0.0), ("bad", "hard", 1.0), ("bad", "hard", 0.0),
        ]
        for _ in range(40)
    ]  # fmt: skip
    belief = believe(results, default=0.5)

    expected = belief.of_agent("good") * belief.of_intent("hard") / belief.mean
    assert belief.of_pair("good", "hard") == pytest.approx(expected)
    assert belief.of_intent("hard") < expected < belief.of_agent("good")
