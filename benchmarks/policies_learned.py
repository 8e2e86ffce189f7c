"""Scoring candidates with a trained model: in this process, and through Ray Serve."""

from __future__ import annotations

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

from actors.on_ray import start_ray, stop_ray
from actors.ports import Objects
from actors.scoring import Question, ScoreRequest
from actors.scoring_on_ray import APP, ServeScores
from infra.objects import LocalObjects
from policies.learned.model import Model
from policies.learned.registry import Folder, Registry
from policies.learned.samples import from_simulation
from policies.learned.training import train
from policies.random_eligible import RandomEligible
from policies.sim.scenario import Scenario
from policies.view import AgentView, ContactView, Demand

NOW = 1_800_000_000.0
TRAIN_S = 24 * 3600.0


def trained(scenario: Scenario) -> Model:
    """Return a model of one simulated day."""
    day = scenario.model_copy(update={"length": TRAIN_S})
    return train(from_simulation(day, RandomEligible(), seed=1), created_at=NOW)


def question(number: int, candidates_n: int, dice: Random) -> Question:
    """Return a contact and the agents who may be given it."""
    agents = [
        AgentView(id=f"{n:06d}", capacity=3, idle_since=NOW - dice.random() * 600)
        for n in range(candidates_n)
    ]
    at = NOW - dice.random() * 60
    demand = Demand(queue=f"t{1 + number % 3}")
    contact = ContactView(id=str(number), demand=demand, arrived_at=at, virtual_at=at)
    return Question(contact, agents)


def in_process(model: Model, candidates_n: int, calls_n: int) -> list[float]:
    """Return the seconds of each call."""
    dice, spent = Random(1), []
    for number in range(calls_n + 20):
        asked = question(number, candidates_n, dice)
        begun = time.perf_counter()
        model.predict(asked.contact, asked.agents, NOW)
        spent.append(time.perf_counter() - begun)
    return spent[20:]


def through_serve(model: Model, candidates_n: int, calls_n: int) -> list[float]:
    """Return the seconds from question to answer, as a host of dispatch asks: one after the other,
    in a Ray and a Serve of this benchmark's own."""
    from ray import serve  # noqa: PLC0415 - only when measured

    from serve.assignment_on_serve import assignment_app  # noqa: PLC0415 - as above
    from serve.on_serve import stop_gateways  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Folder(Path(folder)))
        registry.save(model)
        registry.promote(model.card.name, model.card.version, NOW)
        start_ray()
        try:
            serve.start(proxy_location="Disabled")
            serve.run(assignment_app(partial(_store, folder)), name=APP, route_prefix=None)
            return asyncio.run(_asked(candidates_n, calls_n))
        finally:
            stop_gateways()
            stop_ray()


def _store(folder: str) -> Objects:
    return LocalObjects(Path(folder))


async def _asked(candidates_n: int, calls_n: int) -> list[float]:
    source, dice, spent = ServeScores(), Random(1), []
    for number in range(calls_n + 50):
        asked = question(number, candidates_n, dice)
        request = ScoreRequest(id=str(number), org="acme", now=NOW, questions=[asked])
        begun = time.perf_counter()
        answer = await source.score(request)
        spent.append(time.perf_counter() - begun)
        if len(answer.scores[asked.contact.id].agents) != candidates_n:
            raise RuntimeError(f"asked about {candidates_n}, told of {len(answer.scores)}")
    return spent[50:]
