"""The policy `learned`: the model orders, the guards decide over it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest

from policies.checks import CHECKS
from policies.learned_policy import Learned, Limits, Predicted, Scores, Worth, occupancy
from policies.view import HALF_LIFE_S, AgentView, ContactView, Match, View
from tests.unit.policies_learned.learned_support import agent, contact

NOW = 10_000.0


class Known:
    """Says what it was told to."""

    def __init__(self, predicted: Predicted) -> None:
        self.predicted = predicted
        self.asked: list[str] = []

    def scores(
        self, contact: ContactView, agents: Sequence[AgentView], now: float
    ) -> Scores | None:
        self.asked.append(contact.id)
        found = {a.id: self.predicted[a.id] for a in agents if a.id in self.predicted}
        return Scores("m:1", "1", found) if found else None


class ByName:
    """Scores anybody, by the last letter of the id."""

    def scores(
        self, contact: ContactView, agents: Sequence[AgentView], now: float
    ) -> Scores | None:
        found = {a.id: (60.0 + ord(a.id[1]) % 7, 0.5 + ord(a.id[1]) % 3 / 10, 3.0) for a in agents}
        return Scores("m:1", "1", found)


PEOPLE = [agent(name, idle_since=NOW - 10 * n) for n, name in enumerate("abcd")]
BEST_C: Predicted = {
    "a": (60.0, 0.5, 3.0),
    "b": (60.0, 0.6, 3.0),
    "c": (60.0, 0.9, 3.0),
    "d": (60.0, 0.2, 3.0),
}


def first(policy: Learned, agents: list[AgentView], waited_s: float = 5.0) -> Match:
    """Return the only match."""
    (match,) = policy.decide(View.of([contact(at=NOW - waited_s)], agents, now=NOW), Random(0))
    return match


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_passes_the_exam_with_scores(check) -> None:
    if check.__name__ != "reads_nothing_into_ids":  # these scores do, on purpose
        check(lambda: Learned(ByName(), Limits(few=0)))
    check(Learned)


def test_the_model_orders_the_agents_and_the_log_says_how() -> None:
    match = first(Learned(Known(BEST_C)), PEOPLE)

    assert match.agent == "c"
    assert match.why is not None
    assert match.why.predictions["c"] == {"handle_s": 60.0, "solved": 0.9, "rating": 3.0}
    assert match.why.scores["d"]["solved"] == 0.2
    assert (match.why.model, match.why.guards) == ("m:1", ())


def test_handle_time_and_rating_count_as_the_settings_say() -> None:
    slow = {**BEST_C, "c": (3600.0, 0.9, 1.0)}

    assert first(Learned(Known(slow), worth=Worth(hour=0.5)), PEOPLE).agent == "b"
    assert first(Learned(Known(slow), worth=Worth(hour=0.0)), PEOPLE).agent == "c"
    assert first(Learned(Known(slow), worth=Worth(hour=0.0, rating=1.0)), PEOPLE).agent == "b"


def test_three_candidates_or_a_long_wait_need_no_model() -> None:
    known = Known(BEST_C)
    few = first(Learned(known), PEOPLE[:3])
    late = first(Learned(known), PEOPLE, waited_s=120.0)

    assert (few.agent, late.agent) == ("c", "d")
    assert few.why is not None
    assert late.why is not None
    assert (few.why.guards, late.why.guards) == (("few",), ("max_wait",))
    assert known.asked == []


def test_without_scores_it_is_longest_idle() -> None:
    for policy in (Learned(), Learned(Known({}))):
        match = first(policy, PEOPLE)
        assert match.agent == "d"
        assert match.why is not None
        assert match.why.guards == ("no_scores",)


def test_who_was_given_too_much_of_late_is_passed_over() -> None:
    tired = [
        msgspec.structs.replace(a, lately=20.0 if a.id == "c" else 3.0, given_at=NOW)
        for a in PEOPLE
    ]
    match = first(Learned(Known(BEST_C)), tired)

    assert match.agent == "b"
    assert match.why is not None
    assert match.why.guards == ("share",)


def test_who_would_be_too_busy_is_passed_over_unless_all_would() -> None:
    long = {who: (1200.0, *rest) for who, (_, *rest) in BEST_C.items()}
    busy = [msgspec.structs.replace(a, lately=3.0, given_at=NOW) for a in PEOPLE]
    fresh = [msgspec.structs.replace(a, lately=0.0) if a.id == "b" else a for a in busy]

    spared = first(Learned(Known(long)), fresh)  # type: ignore[arg-type] # tuples of three
    assert spared.agent == "b"
    assert spared.why is not None
    assert "occupancy" in spared.why.guards
    assert first(Learned(Known(long)), busy).agent == "c"  # type: ignore[arg-type] # as above


def test_occupancy_is_littles_law() -> None:
    steady = agent("a", capacity=2)
    now = 0.0
    for _ in range(400):
        steady = msgspec.structs.replace(steady.loaded(1, now), used=0, contacts_n=0)
        now += 100.0

    assert occupancy(steady, steady.lately_at(now), 80.0) == pytest.approx(0.4, rel=0.03)
    assert steady.lately_at(now + HALF_LIFE_S) == pytest.approx(steady.lately_at(now) / 2)
