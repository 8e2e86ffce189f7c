"""The exam that every policy must pass: run it on your own with `exam(YourPolicy)`.

Each check draws many small random centres (`policies.exam_centres`: some with scarce skills, named
and preferred agents, part-loaded agents, two queues) and looks at what the policy proposes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import msgspec

from policies.eligibility import reason
from policies.exam_centres import AGENTS_N, NOW, a_day_older, centres, huge, picture, rebuilt
from policies.view import AgentView, ContactView, Demand, Policy, View

__all__ = ["BUDGET_S", "CHECKS", "NOW", "Check", "ExamError", "Make", "centres", "exam"]

Make = Callable[[], Policy]
Check = Callable[[Make], None]

BUDGET_S = 0.1
"""Dispatch does not use an answer that took longer."""
TRIES_N = 3


class ExamError(AssertionError):
    """A policy broke a rule; the text says which, where, and how."""


def exam(make: Make) -> None:
    """Run every check on the policies that `make` returns.

    Raises:
        ExamError: at the first rule that is broken.
    """
    for check in CHECKS:
        check(make)


def is_deterministic(make: Make) -> None:
    """The same view and seed give the same matches, from a fresh policy too."""
    for seed, view in centres():
        policy = make()
        first = policy.decide(view, Random(seed))
        if policy.decide(view, Random(seed)) != first or make().decide(view, Random(seed)) != first:
            raise ExamError(f"centre {seed}: two answers to the same view and seed")


def proposes_eligible_pairs(make: Make) -> None:
    """Every pair is eligible, and exists in the view."""
    for seed, view in centres():
        for match in make().decide(view, Random(seed)):
            contact, agent = view.waiting.get(match.contact), view.pool.get(match.agent)
            if contact is None or agent is None:
                raise ExamError(f"centre {seed}: {match} names somebody unknown")
            why = reason(contact, agent, view.now)
            if why is not None:
                raise ExamError(f"centre {seed}: {match} is not eligible: {why}")


def keeps_to_capacity(make: Make) -> None:
    """An agent's matches together fit into its free units; a contact is matched once."""
    for seed, view in centres():
        matches = make().decide(view, Random(seed))
        if len({match.contact for match in matches}) < len(matches):
            raise ExamError(f"centre {seed}: a contact is given to two agents")
        loaded: dict[str, AgentView] = {}
        for match in matches:
            demand = view.waiting[match.contact].demand
            agent = loaded.get(match.agent, view.pool[match.agent])
            why = agent.full(demand)
            if why is not None:
                raise ExamError(f"centre {seed}: agent {match.agent} is given too much: {why}")
            loaded[match.agent] = agent.given(demand, view.now)


def keeps_to_the_limit(make: Make) -> None:
    """No more matches than `view.limit`, and no contact of a queue that is not its own."""
    for seed, view in centres(limit=2):
        if len(make().decide(view, Random(seed))) > 2:
            raise ExamError(f"centre {seed}: more matches than the view's limit")
    for seed, view in centres(only=frozenset({"q0"})):
        for match in make().decide(view, Random(seed)):
            if view.waiting[match.contact].demand.queue != "q0":
                raise ExamError(f"centre {seed}: {match} is of a queue that is not asked about")


def serves_the_oldest_equal_first(make: Make) -> None:
    """Of two contacts alike in everything but age, the older (virtually) is not passed over."""
    for seed, view in centres():
        matched = {match.contact for match in make().decide(view, Random(seed))}
        for contact in matched:
            for other in view.contacts():
                if other.id not in matched and _overtaken(view.waiting[contact], other):
                    raise ExamError(f"centre {seed}: {contact} is served before {other.id}")


def leaves_the_view_alone(make: Make) -> None:
    """The view reads the same afterwards."""
    for seed, view in centres():
        before = picture(view)
        make().decide(view, Random(seed))
        if picture(view) != before:
            raise ExamError(f"centre {seed}: the policy changed the view")


def bears_an_empty_centre(make: Make) -> None:
    """Nobody waiting, or nobody there, is no reason to fail."""
    contact = ContactView(id="1", demand=Demand(queue="q0"), arrived_at=0.0, virtual_at=0.0)
    for view in (
        View.of([], [], now=NOW),
        View.of([contact], [], now=NOW),
        View.of([], [AgentView(id="a0")], now=NOW),
        View.of([contact], [AgentView(id="a0", capacity=0)], now=NOW),
    ):
        if make().decide(view, Random(0)):
            raise ExamError("a match out of nothing")


def reads_nothing_into_ids(make: Make) -> None:
    """Other names in the same order give the same matches under those names."""
    for seed, view in centres():
        there = {(m.contact, m.agent) for m in make().decide(view, Random(seed))}
        renamed = rebuilt(view, rename=lambda name: f"x-{name}-{len(name)}")
        here = {(m.contact, m.agent) for m in make().decide(renamed, Random(seed))}
        if here != {(f"x-{c}-{len(c)}", f"x-{a}-{len(a)}") for c, a in there}:
            raise ExamError(f"centre {seed}: other ids, other matches")


def minds_no_order_of_writing(make: Make) -> None:
    """The order in which contacts and agents were put into the view does not matter."""
    for seed, view in centres():
        first = make().decide(view, Random(seed))
        if make().decide(rebuilt(view, shuffle=Random(seed)), Random(seed)) != first:
            raise ExamError(f"centre {seed}: the order of writing changes the answer")


def lets_nobody_wait_for_ever(make: Make) -> None:
    """Who has waited for a day is served as soon as somebody idle may: round after round, until
    nobody is left but those whom nobody may serve."""
    for seed, view in centres():
        waiting = {c.id: a_day_older(c) for c in view.contacts()}
        agents = [msgspec.structs.replace(a, used=0, contacts_n=0) for a in view.agents()]
        policy, dice = make(), Random(seed)
        for _ in range(2 * len(waiting) + 1):
            now = View.of(waiting.values(), agents, now=view.now, queues=view.queues.values())
            matches = policy.decide(now, dice)
            if not matches:
                break
            for match in matches:
                del waiting[match.contact]
        now = View.of(waiting.values(), agents, now=view.now, queues=view.queues.values())
        for contact in now.contacts():
            if now.eligible(contact):
                raise ExamError(
                    f"centre {seed}: {contact.id} has waited for a day and is not served"
                )


def decides_in_time(make: Make) -> None:
    """With two thousand waiting, two hundred agents and one of them free, or all, an answer takes
    less than `BUDGET_S` of processor time, at the third try at the latest."""
    for free_n in (1, AGENTS_N):
        view = huge(free_n)
        policy = make()
        spent = [_cpu_s(policy, view)]
        while spent[-1] > BUDGET_S and len(spent) < TRIES_N:
            spent.append(_cpu_s(policy, view))
        if spent[-1] > BUDGET_S:
            raise ExamError(f"{free_n} free: {min(spent):.3f} s; allowed: {BUDGET_S} s")


CHECKS: tuple[Check, ...] = (
    reads_nothing_into_ids,
    minds_no_order_of_writing,
    lets_nobody_wait_for_ever,
    decides_in_time,
    is_deterministic,
    proposes_eligible_pairs,
    keeps_to_capacity,
    keeps_to_the_limit,
    serves_the_oldest_equal_first,
    leaves_the_view_alone,
    bears_an_empty_centre,
)


def _cpu_s(policy: Policy, view: View) -> float:
    begun = time.thread_time()
    policy.decide(view, Random(0))
    return time.thread_time() - begun


def _overtaken(served: ContactView, other: ContactView) -> bool:
    """Whether `other` is older than `served` and like it in everything a policy may weigh."""
    return other.order < served.order and _nature(other) == _nature(served)


def _nature(contact: ContactView) -> tuple[object, ...]:
    preferred = contact.prefer if contact.prefer_until > NOW else ""
    return (
        contact.demand,
        contact.agent,
        preferred,
        contact.exclude,
        contact.tried,
        contact.purpose,
        contact.vip,
        contact.lang,
    )
