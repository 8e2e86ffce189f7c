"""Decisions whose outcomes are known to depend on who served what."""

from __future__ import annotations

from random import Random

from policies.learned.samples import Sample
from policies.view import AgentView, ContactView, Demand

CHANCES = {"good": 0.9, "fair": 0.6, "weak": 0.3}
SECONDS = {"good": 120.0, "fair": 240.0, "weak": 480.0}


def agent(name: str, **more: object) -> AgentView:
    """Return an idle agent."""
    return AgentView(id=name, **more)  # type: ignore[arg-type] # names of fields


def contact(number: int = 1, at: float = 0.0, queue: str = "billing") -> ContactView:
    """Return a contact that waits."""
    return ContactView(id=f"c{number}", demand=Demand(queue=queue), arrived_at=at, virtual_at=at)


def samples(n: int, seed: int = 1) -> list[Sample]:
    """Return decisions by lot among three agents, one every minute."""
    dice = Random(seed)
    found = []
    for number in range(n):
        who = dice.choice(list(CHANCES))
        at = 1_700_000_000.0 + 60.0 * number
        found.append(
            Sample(
                contact=contact(number, at - dice.random() * 60),
                agent=agent(who, idle_since=at - dice.random() * 300),
                at=at,
                handle_s=dice.expovariate(1 / SECONDS[who]),
                solved=dice.random() < CHANCES[who],
            )
        )
    return found
