"""Dispatch asks a model and never waits for it: answers, deadlines, late and senseless ones."""

from __future__ import annotations

import math

import msgspec
import pytest

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch
from actors.dispatch.scoreboard import DEADLINE_S, MISSES_N, REST_S
from actors.effects import AskScores, Count, Record
from actors.messages import (
    AgentChanged,
    Contact,
    ContactGone,
    ContactWaiting,
    Customer,
    OfferMade,
    Release,
    ScoresTold,
)
from actors.scoring import ScoreRequest
from policies.decisions import Decision
from policies.experiments.arms import arm_of
from policies.explain import explain
from policies.learned_policy import Scores
from policies.replay import differences
from policies.rounds import Round, rows_of
from tests.support.machines import START, Rig

AGENTS = ("ann", "bob", "cho", "dan", "eve")


def centre(*, agents: tuple[str, ...] = AGENTS, **queue: object) -> Rig[Dispatch]:
    """Return a dispatch whose queue learns, and whose agents are all free."""
    settings = {"id": "q", "name": "q", "policy": "learned", "accept": "auto", **queue}
    config = OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={"q": QueueConfig(**settings)},  # type: ignore[arg-type] # names of fields
        agents={a: AgentConfig(id=a, name=a, capacity=1) for a in agents},
    )
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), config)
    for n, agent in enumerate(agents):
        rig.send(AgentChanged(agent=agent, status="available", since=START - n, version=1))
    return rig


def waits(session: str = "1", age: float = 0.0) -> ContactWaiting:
    """Return a contact that has come."""
    contact = Contact(
        session=session,
        episode=1,
        queue="q",
        customer=Customer(id=f"c{session}"),
        arrived_at=START - age,
    )
    return ContactWaiting(contact=contact, virtual_at=START - age)


def asked(rig: Rig[Dispatch]) -> list[ScoreRequest]:
    """Return every request so far."""
    return [effect.request for effect in rig.effects if isinstance(effect, AskScores)]


def told(request: ScoreRequest, best: str = "cho", solved: float = 0.9) -> ScoresTold:
    """Return an answer that prefers one agent."""
    scores = {
        question.contact.id: Scores(
            "m:1",
            "1",
            {a.id: (60.0, solved if a.id == best else 0.5, 3.0) for a in question.agents},
        )
        for question in request.questions
    }
    return ScoresTold(request=request.id, scores=scores)


def given(rig: Rig[Dispatch]) -> list[str]:
    """Return the agents who were given something, in order."""
    return [
        effect.to.id
        for effect in rig.effects
        if isinstance(getattr(effect, "command", None), OfferMade)
    ]


def fallbacks(rig: Rig[Dispatch]) -> int:
    """Return how often the policy went down its ladder."""
    return sum(
        isinstance(e, Count) and e.name == "fallbacks_total" and e.label == "learned"
        for e in rig.effects
    )


def test_a_round_asks_once_goes_on_and_uses_the_answer() -> None:
    rig = centre()
    rig.send(waits())
    (request,) = asked(rig)
    assert given(rig) == []
    assert {a.id for a in request.questions[0].agents} == set(AGENTS)

    rig.send(AgentChanged(agent="ann", status="available", since=START, version=2))
    assert len(asked(rig)) == 1
    rig.send(told(request, best="cho"))

    assert given(rig) == ["cho"]
    assert fallbacks(rig) == 0


def test_everybody_who_comes_at_once_is_asked_about_in_one_request() -> None:
    rig = centre()
    rig.send(waits("1", age=9), waits("2", age=5))

    requests = asked(rig)
    rig.send(*[told(request) for request in requests])
    while len(asked(rig)) > len(requests):
        fresh = asked(rig)[len(requests) :]
        requests = asked(rig)
        rig.send(*[told(request) for request in fresh])

    assert given(rig)[0] == "cho"
    assert len(given(rig)) == 2
    assert fallbacks(rig) == 0


def test_at_the_deadline_the_longest_idle_serves_and_a_late_answer_changes_nothing() -> None:
    rig = centre()
    rig.send(waits())
    rig.advance(DEADLINE_S)

    assert given(rig) == ["eve"]
    assert fallbacks(rig) == 1
    rig.send(told(asked(rig)[0]))
    assert given(rig) == ["eve"]


def test_an_answer_that_makes_no_sense_is_no_answer() -> None:
    for solved in (math.nan, 7.0, -1.0):
        rig = centre()
        rig.send(waits())
        rig.send(told(asked(rig)[0], solved=solved))

        assert given(rig) == ["eve"]
        assert fallbacks(rig) == 1


def test_an_answer_that_leaves_the_contact_out_is_no_answer() -> None:
    rig = centre()
    rig.send(waits())
    rig.send(ScoresTold(request=asked(rig)[0].id, scores={}))

    assert given(rig) == ["eve"]
    assert fallbacks(rig) == 1


def test_three_candidates_are_not_worth_a_question() -> None:
    rig = centre(agents=AGENTS[:3])
    rig.send(waits())

    assert asked(rig) == []
    assert given(rig) == ["cho"]


def test_a_model_that_keeps_missing_is_left_alone_then_asked_again() -> None:
    rig = centre(agents=tuple(f"a{n:02d}" for n in range(30)))
    for n in range(MISSES_N):
        rig.send(waits(f"m{n}"))
        rig.advance(DEADLINE_S)
    assert len(asked(rig)) == len(given(rig)) == MISSES_N

    rig.send(waits("rest"))
    assert len(given(rig)) == MISSES_N + 1
    assert len(asked(rig)) == MISSES_N

    rig.advance(REST_S)
    rig.send(waits("again"))
    assert len(asked(rig)) == MISSES_N + 1
    rig.send(told(asked(rig)[-1], best="a05"))
    assert given(rig)[-1] == "a05"


def test_a_contact_that_left_meanwhile_is_not_served() -> None:
    rig = centre()
    rig.send(waits())
    rig.send(ContactGone(session="1", episode=1))
    rig.send(told(asked(rig)[0]))

    assert given(rig) == []
    rig.advance(1)
    assert given(rig) == []


def test_a_contact_that_waits_for_scores_is_not_logged_as_held_back() -> None:
    rig = centre()
    rig.send(waits())
    assert not [effect for effect in rig.effects if isinstance(effect, Record)]

    rig.send(told(asked(rig)[0]))
    assert len([effect for effect in rig.effects if isinstance(effect, Record)]) >= 1


def logged(rig: Rig[Dispatch]) -> list[Decision]:
    """Return the rows of the decision log."""
    rounds = [e.data for e in rig.effects if isinstance(e, Record) and e.table == "round"]
    return [row for data in rounds for row in rows_of(msgspec.msgpack.decode(data, type=Round))]


def test_the_log_says_how_far_down_its_ladder_the_policy_went_and_why() -> None:
    for weights, by, level in (({}, "longest_idle", 2), ({"dan": 9.0}, "weighted", 1)):
        rig = centre(weights=weights)
        rig.send(waits())
        rig.advance(DEADLINE_S)
        (row,) = logged(rig)
        assert (row.policy, row.chosen_by, row.fallback_level) == ("learned", by, level)
        assert row.fallback_reason == "learned: no scores"
        assert differences([row]) == []
        text = explain(row, "en")
        assert f"learned > {by}" in text
        assert "stood in for the queue's own policy: learned: no scores" in text


def test_scores_of_others_than_the_free_are_a_step_down_the_ladder_too() -> None:
    rig = centre()
    rig.send(waits())
    (request,) = asked(rig)
    strangers = Scores("m:1", "1", {"zoe": (60.0, 0.9, 3.0)})
    rig.send(ScoresTold(request=request.id, scores={"1": strangers}))
    (row,) = logged(rig)
    assert (row.fallback_level, row.fallback_reason) == (2, "learned: scores of nobody free")


LEARNED = {"policy": "learned"}
WRAPPED: dict[str, dict[str, object]] = {
    "labelled": {"policy": "learned"},
    "explore": {"policy": "learned", "epsilon": 0.0},
    "ramp": {"share": 1.0, "candidate": LEARNED},
    "shadow": {"live": LEARNED, "shadows": [{"policy": "least_busy"}]},
    "switchback": {
        "live": LEARNED,
        "candidate": LEARNED,
        "start": START - 3600,
        "end": START + 86_400,
        "block_s": 7_200.0,
    },
}


@pytest.mark.parametrize("policy", WRAPPED)
def test_a_model_within_another_policy_is_asked_and_its_answer_used(policy: str) -> None:
    rig = centre(policy=policy, policy_params=WRAPPED[policy])
    rig.send(waits())
    assert given(rig) == []
    assert logged(rig) == []
    rig.send(told(asked(rig)[0], best="bob"))
    (row,) = logged(rig)
    assert (row.action, row.model_version, row.fallback_level) == ("bob", "m:1", 0)
    assert differences([row]) == []


@pytest.mark.parametrize("policy", WRAPPED)
def test_a_model_within_another_policy_is_not_waited_for(policy: str) -> None:
    rig = centre(policy=policy, policy_params=WRAPPED[policy])
    rig.send(waits())
    rig.advance(DEADLINE_S)
    (row,) = logged(rig)
    assert (row.action, row.fallback_level) == ("eve", 2)
    assert differences([row]) == []


def test_in_a_ramp_the_other_contacts_do_not_wait_for_scores() -> None:
    params = {"share": 0.5, "candidate": LEARNED}
    rig = centre(policy="ramp", policy_params=params)
    sessions = [str(n) for n in range(8)]
    arms = {one: arm_of(one, "ramp", 0.5) for one in sessions}
    live = next(one for one in sessions if arms[one] == "live")
    scored = next(one for one in sessions if arms[one] == "candidate")
    rig.send(waits(scored, age=9), waits(live, age=5))
    assert [row.contact.session for row in logged(rig)] == [live]
    rig.send(told(asked(rig)[0], best="bob"))
    assert [(row.contact.session, row.action) for row in logged(rig)][1:] == [(scored, "bob")]


def test_a_model_in_the_shadow_is_not_asked_and_gives_no_answer_that_is_not_its_own() -> None:
    rig = centre(policy="shadow", policy_params={"shadows": [LEARNED, {"policy": "last_idle"}]})
    rig.send(waits())
    assert asked(rig) == []
    (row,) = logged(rig)
    assert row.shadow == {"last_idle": "ann"}


def test_scores_and_guards_are_no_fallback() -> None:
    rig = centre()
    rig.send(waits())
    rig.send(told(asked(rig)[0]))
    few = centre(agents=AGENTS[:3])
    few.send(waits())
    rows = [*logged(rig), *logged(few)]
    assert [(row.guards, row.fallback_level, row.fallback_reason) for row in rows] == [
        ([], 0, ""),
        (["few"], 0, ""),
    ]


def test_what_was_decided_by_scores_replays_from_the_log() -> None:
    rig = centre(agents=tuple(f"a{n}" for n in range(9)))
    rig.send(waits("1", age=9), waits("2", age=5))
    rig.send(*[told(request, best="a3") for request in asked(rig)])
    rig.advance(DEADLINE_S)
    rig.send(waits("3"))
    rig.advance(DEADLINE_S)

    rows = logged(rig)
    assert [row.action for row in rows] == given(rig)
    assert rows[0].model_version == "m:1"
    assert rows[0].candidates[3].predictions["solved"] == 0.9
    assert rows[-1].guards == ["no_scores"]
    assert differences(rows) == []


def test_a_restart_asks_anew() -> None:
    rig = centre()
    rig.send(waits())
    rig.crash()
    for n, agent in enumerate(AGENTS):
        rig.send(AgentChanged(agent=agent, status="available", since=START - n, version=2))
    rig.send(waits())

    assert len(asked(rig)) == 2
    rig.send(told(asked(rig)[0]))
    assert given(rig) == []
    rig.send(told(asked(rig)[1]))
    assert given(rig) == ["cho"]


def test_turns_go_around_and_outlive_breaks() -> None:
    rig = centre(agents=("ann", "bob", "cho"), policy="round_robin")
    for n in range(2):
        rig.send(waits(f"a{n}"))
        rig.advance(1)
    for agent in ("ann", "bob"):
        for version, status in ((2, "break"), (3, "available")):
            rig.send(AgentChanged(agent=agent, status=status, since=START, version=version))
    assert given(rig) == ["ann", "bob"]

    rig.send(Release(agent="ann", session="a0", episode=1), waits("next"))

    assert given(rig) == ["ann", "bob", "cho"]
