"""The exam that every policy must pass: run it on your own with `exam(YourPolicy)`.

Each check draws many small random centres (some with scarce skills, named and preferred agents,
part-loaded agents, two queues) and looks at what the policy proposes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import msgspec

from policies.eligibility import reason
from policies.priority import virtual_at
from policies.view import AgentView, ContactView, Demand, Policy, QueueView, View

Make = Callable[[], Policy]
Check = Callable[[Make], None]

CENTRES_N = 30
WAITING_N, AGENTS_N = 2000, 200
BUDGET_S = 0.1
"""Dispatch does not use an answer that took longer."""
TRIES_N = 3
DAY_S = 86_400.0
NOW = 10_000.0
SKILLS = ("billing", "english", "技术")


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
        before = _picture(view)
        make().decide(view, Random(seed))
        if _picture(view) != before:
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
        renamed = _rebuilt(view, rename=lambda name: f"x-{name}-{len(name)}")
        here = {(m.contact, m.agent) for m in make().decide(renamed, Random(seed))}
        if here != {(f"x-{c}-{len(c)}", f"x-{a}-{len(a)}") for c, a in there}:
            raise ExamError(f"centre {seed}: other ids, other matches")


def minds_no_order_of_writing(make: Make) -> None:
    """The order in which contacts and agents were put into the view does not matter."""
    for seed, view in centres():
        first = make().decide(view, Random(seed))
        if make().decide(_rebuilt(view, shuffle=Random(seed)), Random(seed)) != first:
            raise ExamError(f"centre {seed}: the order of writing changes the answer")


def lets_nobody_wait_for_ever(make: Make) -> None:
    """Who has waited for a day is served as soon as somebody idle may: round after round, until
    nobody is left but those whom nobody may serve."""
    for seed, view in centres():
        waiting = {c.id: _a_day_older(c) for c in view.contacts()}
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
        view = _huge(free_n)
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


def centres(
    *, limit: int = 64, only: frozenset[str] | None = None, n: int = CENTRES_N
) -> Iterator[tuple[int, View]]:
    """Yield (seed, view) of `n` random centres, the same ones at every call."""
    for seed in range(n):
        dice = Random(seed)
        agents = [_agent(dice, number) for number in range(dice.randint(1, 8))]
        contacts = [_contact(dice, number) for number in range(dice.randint(1, 12))]
        if seed % 3 == 0:
            agents = [_bounded(dice, agent) for agent in agents]
            contacts = [_speaking(dice, contact) for contact in contacts]
        queues = [QueueView(id="q0"), QueueView(id="q1", units=2)]
        view = View.of(contacts, agents, now=NOW, queues=queues, limit=limit)
        view.only = only
        yield seed, view


def _picture(view: View) -> tuple[object, ...]:
    """Return all that a view says, in copies."""
    waiting, pool = view.waiting, view.pool
    return (
        list(view.contacts()),
        list(view.agents()),
        set(pool.free),
        {demand: list(orders) for demand, orders in waiting.classes.items()},
        {agent: list(orders) for agent, orders in waiting.named.items()},
        {demand: set(pool.members(demand)) for demand in waiting.classes},
        dict(view.queues),
        (view.now, view.only, view.limit),
    )


def _rebuilt(
    view: View, *, rename: Callable[[str], str] = str, shuffle: Random | None = None
) -> View:
    """Return an equal view with other ids, or written in another order."""

    def named(name: str) -> str:
        return rename(name) if name else name

    contacts = [
        msgspec.structs.replace(
            c,
            id=named(c.id),
            agent=named(c.agent),
            prefer=named(c.prefer),
            exclude=frozenset(map(named, c.exclude)),
            tried=frozenset(map(named, c.tried)),
        )
        for c in view.contacts()
    ]
    agents = [msgspec.structs.replace(a, id=named(a.id)) for a in view.agents()]
    if shuffle is not None:
        shuffle.shuffle(contacts)
        shuffle.shuffle(agents)
    return View.of(contacts, agents, now=view.now, queues=view.queues.values(), limit=view.limit)


def _a_day_older(contact: ContactView) -> ContactView:
    return msgspec.structs.replace(
        contact,
        arrived_at=contact.arrived_at - DAY_S,
        virtual_at=contact.virtual_at - DAY_S,
        prefer_until=contact.prefer_until - DAY_S,
    )


@cache
def _huge(free_n: int) -> View:
    """Return a busy centre: three queues, contacts that somebody declined, groups and skills."""
    dice = Random(free_n)
    agents = [
        AgentView(
            id=f"a{n:04d}",
            groups=frozenset({f"g{n % 6}"}),
            skills={"english": 1 + n % 5},
            capacity=2,
            used=0 if n < free_n else 2,
            contacts_n=0 if n < free_n else 2,
            idle_since=NOW - dice.randint(0, 900),
        )
        for n in range(AGENTS_N)
    ]
    contacts = [
        ContactView(
            id=f"c{n:05d}",
            demand=Demand(queue=f"q{n % 3}", needs=(("english", 1 + n % 2),)),
            arrived_at=NOW - n,
            virtual_at=NOW - n,
            tried=frozenset({f"a{n % AGENTS_N:04d}"}) if n % 10 == 0 else frozenset(),
        )
        for n in range(WAITING_N)
    ]
    return View.of(contacts, agents, now=NOW, queues=[QueueView(id=f"q{n}") for n in range(3)])


def _cpu_s(policy: Policy, view: View) -> float:
    begun = time.thread_time()
    policy.decide(view, Random(0))
    return time.thread_time() - begun


def _agent(dice: Random, number: int) -> AgentView:
    capacity = dice.randint(1, 5)
    used = dice.randint(0, capacity)
    return AgentView(
        id=f"a{number}",
        kind=dice.choices(("human", "bot"), (9, 1))[0],
        groups=frozenset(g for g in ("east", "west") if dice.random() < 0.6),
        skills={skill: dice.randint(1, 5) for skill in SKILLS if dice.random() < 0.6},
        capacity=capacity,
        used=used,
        contacts_n=min(used, 2),
        status=dice.choices(("available", "break", "offline"), (6, 1, 1))[0],
        enabled=dice.random() < 0.95,
        idle_since=NOW - dice.randint(0, 900),
    )


def _contact(dice: Random, number: int) -> ContactView:
    two = dice.random() < 0.3
    arrived_at = NOW - dice.randint(0, 600)
    needs = ((dice.choice(SKILLS), dice.randint(1, 4)),) if dice.random() < 0.4 else ()
    demand = Demand(
        queue="q1" if two else "q0",
        groups=frozenset({"east"}) if two else frozenset(),
        needs=needs,
        units=2 if two else 1,
    )
    return ContactView(
        id=f"c{number}",
        demand=demand,
        arrived_at=arrived_at,
        virtual_at=virtual_at(arrived_at, dice.choice((0, 0, 1, 5))),
        agent=_someone(dice, 0.1),
        prefer=_someone(dice, 0.2),
        prefer_until=NOW + dice.choice((-5, 5)),
        exclude=frozenset({_someone(dice, 0.2)} - {""}),
        tried=frozenset({_someone(dice, 0.2)} - {""}),
    )


def _bounded(dice: Random, agent: AgentView) -> AgentView:
    """The same agent with languages, bounds by channel, and quotas."""
    most = dice.randint(1, 4)
    return msgspec.structs.replace(
        agent,
        languages=frozenset(one for one in ("zh", "en") if dice.random() < 0.6),
        channels={"chat": most} if dice.random() < 0.5 else {},
        used_in={"chat": min(agent.used, most)},
        quotas={"q0": dice.randint(0, 2)} if dice.random() < 0.5 else {},
    )


def _speaking(dice: Random, contact: ContactView) -> ContactView:
    lang = dice.choice(("", "zh", "en"))
    channel = dice.choice(("chat", "chat", "mail"))
    demand = msgspec.structs.replace(contact.demand, lang=lang, channel=channel)
    return msgspec.structs.replace(contact, demand=demand)


def _someone(dice: Random, share: float) -> str:
    return f"a{dice.randint(0, 7)}" if dice.random() < share else ""


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
