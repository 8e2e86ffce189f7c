"""A whole system with the demo organisation, in a temporary folder, for as long as a block."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from examples.signing_in import Login
from infra.directory.declared import Declared
from infra.directory.store import Directory
from infra.settings import Settings
from infra.valkey import free_port
from serve.people import DEMO
from serve.run import system


@dataclass(frozen=True, slots=True)
class OwnSystem:
    """How to reach it: the HTTP API's URL, and the logins of everyone who may serve."""

    url: str
    logins: Sequence[Login]


@contextmanager
def own_system(*, queue: str = "", sessions: int = 0) -> Iterator[OwnSystem]:
    """Start everything with the demo organisation; everything ends with the block.

    Args:
        queue, sessions: the people of this queue get room for so many sessions at once.
    """
    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        settings = Settings(data_dir=Path(folder), port=free_port(), log_level="warning", demo=True)
        with system(settings, quiet=True) as running:
            if queue and sessions:
                asyncio.run(_make_room(settings.sql_url, queue, sessions))
            password = settings.demo_password.get_secret_value()
            yield OwnSystem(running.http_url, demo_logins(password))


async def _make_room(sql_url: str, queue: str, sessions: int) -> None:
    """Raise the capacity of whoever serves the queue; the actors hear of it within a second."""
    directory = Directory(sql_url)
    try:
        declared = await directory.read("demo")
        assert declared is not None
        await directory.replace(with_room(declared, queue, sessions))
    finally:
        await directory.close()


def with_room(declared: Declared, queue: str, sessions: int) -> Declared:
    """Return the organisation with at least `sessions` slots among the people of the queue."""
    wanted = declared.queues[queue]
    serving = [
        name
        for name, agent in declared.agents.items()
        if set(agent.groups) & set(wanted.groups)
        and all(agent.skills.get(skill, 0) >= level for skill, level in wanted.needs.items())
    ]
    each = -(-sessions * wanted.units // max(1, len(serving)))
    agents = {
        name: agent.model_copy(update={"capacity": max(agent.capacity, each)})
        if name in serving
        else agent
        for name, agent in declared.agents.items()
    }
    return declared.model_copy(update={"agents": agents})


def demo_logins(password: str) -> list[Login]:
    """Return the demo organisation's people who serve: neither bots nor administrators."""
    agents = yaml.safe_load(DEMO.read_text(encoding="utf-8"))["agents"]
    return [
        Login(name, password)
        for name, agent in agents.items()
        if agent.get("kind") != "bot" and agent.get("role") != "admin"
    ]
