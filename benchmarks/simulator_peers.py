"""The same two centres in simpy and ciw, written as their manuals teach."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import ciw  # type: ignore[import-untyped] # ships no types
import simpy

Events = Generator[simpy.Event, Any, None]


class Outcome(NamedTuple):
    """What a run did: for speed, and to see that everybody simulated the same centre."""

    contacts_n: int
    mean_wait_s: float


class _Waits:
    """Waits of contacts that were not blocked, in seconds."""

    def __init__(self) -> None:
        self.arrived_n = self.entered_n = 0
        self.total_s = 0.0

    def outcome(self) -> Outcome:
        return Outcome(self.arrived_n, self.total_s / max(self.entered_n, 1))


def simpy_one_type(per_s: float, mean_s: float, agents: int, length_s: float) -> Outcome:
    """Run M/M/s as processes that request a resource."""
    env, waits, rng = simpy.Environment(), _Waits(), random.Random(1)
    staff = simpy.Resource(env, capacity=agents)

    def contact() -> Events:
        arrived = env.now
        with staff.request() as request:
            yield request
            waits.entered_n += 1
            waits.total_s += env.now - arrived
            yield env.timeout(rng.expovariate(1 / mean_s))

    def arrivals() -> Events:
        while True:
            yield env.timeout(rng.expovariate(per_s))
            waits.arrived_n += 1
            env.process(contact())

    env.process(arrivals())
    env.run(until=length_s)
    return waits.outcome()


def simpy_skills(
    per_s: float, mean_s: float, crews: Sequence[tuple[frozenset[int], int]], length_s: float
) -> Outcome:
    """Run six types, agents with skills and 120 lines: a store from which each contact takes the
    agent who has been back for the longest and has its skill."""
    env, waits, rng = simpy.Environment(), _Waits(), random.Random(1)
    staff = simpy.FilterStore(env)
    staff.items = [skills for skills, agents in crews for _ in range(agents)]
    inside = 0

    def contact(kind: int) -> Events:
        nonlocal inside
        arrived = env.now
        inside += 1
        agent = yield staff.get(lambda skills: kind in skills)
        waits.entered_n += 1
        waits.total_s += env.now - arrived
        yield env.timeout(rng.expovariate(1 / mean_s))
        inside -= 1
        staff.put(agent)

    def arrivals() -> Events:
        while True:
            yield env.timeout(rng.expovariate(6 * per_s))
            waits.arrived_n += 1
            if inside < 120:
                env.process(contact(rng.randrange(6)))

    env.process(arrivals())
    env.run(until=length_s)
    return waits.outcome()


def ciw_one_type(per_s: float, mean_s: float, agents: int, length_s: float) -> Outcome:
    """Run M/M/s as a network of one node."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=per_s)],
        service_distributions=[ciw.dists.Exponential(rate=1 / mean_s)],
        number_of_servers=[agents],
    )
    return _ciw_outcome(network, length_s)


def ciw_skills(per_s: float, mean_s: float, length_s: float) -> Outcome:
    """Run six types and 90 agents who have all skills: ciw knows no agents with some."""
    kinds = [f"t{n}" for n in range(6)]
    network = ciw.create_network(
        arrival_distributions={kind: [ciw.dists.Exponential(rate=per_s)] for kind in kinds},
        service_distributions={kind: [ciw.dists.Exponential(rate=1 / mean_s)] for kind in kinds},
        number_of_servers=[90],
        queue_capacities=[30],
    )
    return _ciw_outcome(network, length_s)


def _ciw_outcome(network: ciw.network.Network, length_s: float) -> Outcome:
    ciw.seed(1)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(length_s)
    records = simulation.get_all_records()
    waits = [record.waiting_time for record in records if record.record_type == "service"]
    return Outcome(len(records), sum(waits) / max(len(waits), 1))
