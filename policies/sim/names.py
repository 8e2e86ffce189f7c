"""How policies see the numbered types and agents of a scenario."""

from __future__ import annotations

from policies.sim.centre import crews_of
from policies.sim.desk import Desk
from policies.sim.kernel.floor import Centre
from policies.sim.scenario import Scenario, needs_of
from policies.view import AgentView, Demand, QueueView


class Names:
    """The scenario's types as demands and queues; agents are made fresh for each replication.

    Ids are numbers with leading zeros, so that the order of ids is the order of the file.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.crews = crews_of(scenario)
        self.demands = [
            Demand(queue=name, needs=tuple(sorted(needs_of(name, kind).items())), units=kind.units)
            for name, kind in scenario.types.items()
        ]
        self.queues = {
            name: QueueView(
                id=name,
                policy=scenario.policy,
                priority_points=kind.priority_points,
                units=kind.units,
                service_level_s=kind.service_level_s,
            )
            for name, kind in scenario.types.items()
        }

    def desks(self, c: Centre) -> list[Desk]:
        """Return every agent, idle, on shift or off as at the start."""
        span = (c.warm_up, c.length)
        desks: list[Desk] = []
        for number, crew in enumerate(self.crews):
            pace = c.pace[number].tolist()
            for _ in range(crew.agents):
                view = AgentView(
                    id=f"{len(desks):06d}",
                    groups=frozenset([crew.name]),
                    skills=crew.group.skills,
                    capacity=crew.group.capacity,
                    status="available" if c.crews[number]["on"] else "offline",
                )
                desks.append(Desk(len(desks), number, view, pace, span))
        return desks
