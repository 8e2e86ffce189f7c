"""The centres that the exam draws: many small random ones, and a huge one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import msgspec

from policies.priority import virtual_at
from policies.view import AgentView, ContactView, Demand, QueueView, View

CENTRES_N = 30
WAITING_N, AGENTS_N = 2000, 200
DAY_S = 86_400.0
NOW = 10_000.0
SKILLS = ("billing", "english", "技术")


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


@cache
def huge(free_n: int) -> View:
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


def rebuilt(
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


def picture(view: View) -> tuple[object, ...]:
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


def a_day_older(contact: ContactView) -> ContactView:
    """Return the contact as if it had come a day earlier."""
    return msgspec.structs.replace(
        contact,
        arrived_at=contact.arrived_at - DAY_S,
        virtual_at=contact.virtual_at - DAY_S,
        prefer_until=contact.prefer_until - DAY_S,
    )


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
