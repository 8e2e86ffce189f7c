"""Rounds: whatever a policy does, it costs only itself (R6), and the log says so."""

import pytest

from actors.config import OrgConfig, QueueConfig
from actors.dispatch.rounds import LATE_S, SUSPEND_S, Rounds
from actors.effects import Count
from policies import registry
from policies.parameters import Nothing
from policies.pool import Pool
from policies.view import AgentView, ContactView, Demand
from policies.waits import Waits


class Watch:
    """A stopwatch on which every look takes `step_s`."""

    def __init__(self, step_s):
        self.now, self.step_s = 0.0, step_s

    def __call__(self):
        self.now += self.step_s
        return self.now


def proposed(rounds, now):
    waits, pool = Waits(), Pool()
    waits.put(ContactView(id="1", demand=Demand(queue="q"), arrived_at=0, virtual_at=0), now)
    pool.put(AgentView(id="ann"))
    proposals, again = rounds.propose(waits, pool, now=now, seed=1, limit=10)
    assert not again
    fallbacks = [
        e.label for e in rounds.effects if isinstance(e, Count) and e.name == "fallbacks_total"
    ]
    rounds.effects.clear()
    return [proposal.policy for proposal in proposals], fallbacks


def settings(policy, **params):
    queue = QueueConfig(id="q", name="q", policy=policy, policy_params=params)
    return OrgConfig(org="acme", version=1, entry_queue="q", queues={"q": queue}, agents={})


def test_a_late_policy_is_replaced_then_left_alone_for_a_while_then_tried_again():
    watch = Watch(step_s=LATE_S * 1.01)
    rounds = Rounds(settings("least_busy"), watch)
    assert proposed(rounds, now=0.0) == (["longest_idle"], ["least_busy"])
    watch.step_s = 0.0
    assert proposed(rounds, now=SUSPEND_S - 1) == (["longest_idle"], [])
    assert proposed(rounds, now=SUSPEND_S) == (["least_busy"], [])


def asking(rounds, now=0.0):
    waits, pool = Waits(), Pool()
    waits.put(ContactView(id="1", demand=Demand(queue="q"), arrived_at=0, virtual_at=0), now)
    pool.put(AgentView(id="ann"))
    ((proposal,), _) = rounds.propose(waits, pool, now=now, seed=1, limit=10)
    rounds.effects.clear()
    return proposal.asking


def test_each_way_down_the_ladder_is_told_with_its_reason():
    watch = Watch(step_s=LATE_S * 1.01)
    rounds = Rounds(settings("least_busy"), watch)
    late = asking(rounds)
    assert (late.policy, late.level, late.reason) == ("longest_idle", 2, "least_busy: late")
    rest = asking(rounds, now=SUSPEND_S - 1)
    assert (rest.level, rest.reason) == (2, "least_busy is suspended")
    watch.step_s = 0.0
    again = asking(rounds, now=SUSPEND_S)
    assert (again.policy, again.level, again.reason) == ("least_busy", 0, "")


@pytest.mark.parametrize(
    ("policy", "params", "said"),
    [
        ("oracle", {}, "oracle cannot be made: LookupError: no policy named 'oracle'"),
        ("fixed_cap", {"cap": 0}, "fixed_cap cannot be made: ParameterError: fixed_cap.cap"),
        ("mine.py:Mine", {}, "mine.py:Mine cannot be made: LookupError: no file 'mine.py'"),
    ],
)
def test_a_policy_that_cannot_be_made_is_told_in_every_row_and_tried_with_new_settings(
    policy, params, said
):
    rounds = Rounds(settings(policy, **params))
    for _ in range(2):
        told = asking(rounds)
        assert (told.policy, told.params, told.level) == ("longest_idle", "{}", 2)
        assert told.reason.startswith(said)
    rounds.configure(settings(policy, **params))
    assert [effect.label for effect in rounds.effects if isinstance(effect, Count)] == [policy]


def test_a_policy_that_fails_while_it_is_made_stops_nobody(monkeypatch):
    def deep(_):
        raise RecursionError("too deep")

    monkeypatch.setitem(registry._entries, "deep", registry._Entry(Nothing, deep))
    rounds = Rounds(settings("deep"))
    assert asking(rounds).reason == "deep cannot be made: RecursionError: too deep"
    rounds.configure(settings("least_busy"))
    assert asking(rounds).level == 0
