"""Rounds: a slow policy is not waited for a second time."""

from actors.config import OrgConfig, QueueConfig
from actors.dispatch.rounds import LATE_S, SUSPEND_S, Rounds
from actors.effects import Count
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


def test_a_late_policy_is_replaced_then_left_alone_for_a_while_then_tried_again():
    queues = {"q": QueueConfig(id="q", name="q", policy="least_busy")}
    config = OrgConfig(org="acme", version=1, entry_queue="q", queues=queues, agents={})
    watch = Watch(step_s=LATE_S * 1.01)
    rounds = Rounds(config, watch)
    assert proposed(rounds, now=0.0) == (["longest_idle"], ["least_busy"])
    watch.step_s = 0.0
    assert proposed(rounds, now=SUSPEND_S - 1) == (["longest_idle"], [])
    assert proposed(rounds, now=SUSPEND_S) == (["least_busy"], [])
