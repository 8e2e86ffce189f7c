"""Every policy against every check of the exam."""

import time

import pytest

from policies import checks, registry
from policies.view import Match


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", registry.names())
def test_policy_passes(name, check):
    check(lambda: registry.make(name))


class Cheat:
    """Gives every contact to the first agent, whatever its state."""

    name = "cheat"

    def decide(self, view, rng):
        agents = list(view.agents())
        return [Match(c.id, agents[0].id) for c in view.contacts()] if agents else []


class Backwards:
    """Serves the newest contact first, to the first eligible agent, one a round."""

    name = "backwards"

    def decide(self, view, rng):
        for contact in reversed(list(view.contacts())):
            for agent in view.eligible(contact):
                return [Match(contact.id, agent.id)]
        return []


class Moody:
    """Remembers that it was asked before."""

    name = "moody"

    def __init__(self):
        self.asked = 0

    def decide(self, view, rng):
        self.asked += 1
        for contact in view.contacts():
            eligible = view.eligible(contact)
            if eligible:
                return [Match(contact.id, eligible[self.asked % len(eligible)].id)]
        return []


class Vandal:
    """Takes agents out of the view it was lent."""

    name = "vandal"

    def decide(self, view, rng):
        view.pool.free.clear()
        return []


class Reader:
    """Likes long names."""

    name = "reader"

    def decide(self, view, rng):
        for contact in view.contacts():
            for agent in view.eligible(contact):
                if len(agent.id) > 2:
                    return [Match(contact.id, agent.id)]
        return []


class Hasty:
    """Takes contacts as they come to hand."""

    name = "hasty"

    def decide(self, view, rng):
        for contact in view.waiting:
            for agent in view.eligible(contact):
                return [Match(contact.id, agent.id)]
        return []


class Idler:
    """Serves nobody."""

    name = "idler"

    def decide(self, view, rng):
        return []


class Ponderer:
    """Thinks for longer than dispatch waits."""

    name = "ponderer"

    def decide(self, view, rng):
        begun = time.thread_time()
        while time.thread_time() - begun < 1.5 * checks.BUDGET_S:
            pass
        return []


@pytest.mark.parametrize(
    ("cheat", "check"),
    [
        (Cheat, checks.proposes_eligible_pairs),
        (Cheat, checks.keeps_to_capacity),
        (Cheat, checks.keeps_to_the_limit),
        (Cheat, checks.bears_an_empty_centre),
        (Backwards, checks.serves_the_oldest_equal_first),
        (Moody, checks.is_deterministic),
        (Vandal, checks.leaves_the_view_alone),
        (Reader, checks.reads_nothing_into_ids),
        (Hasty, checks.minds_no_order_of_writing),
        (Idler, checks.lets_nobody_wait_for_ever),
        (Ponderer, checks.decides_in_time),
    ],
    ids=lambda value: value.__name__,
)
def test_the_exam_fails_a_policy_that_breaks_the_rule(cheat, check):
    with pytest.raises(checks.ExamError):
        check(cheat)


def test_the_exam_as_a_whole_fails_a_cheat():
    with pytest.raises(checks.ExamError):
        checks.exam(Cheat)
