"""A whole system with the demo organisation, in a temporary folder, for as long as a block."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from examples.signing_in import Login
from infra.settings import Settings
from infra.valkey import free_port
from serve.run import DEMO, system


@dataclass(frozen=True, slots=True)
class OwnSystem:
    """How to reach it: the HTTP API's URL, and the logins of everyone who may serve."""

    url: str
    logins: Sequence[Login]


@contextmanager
def own_system() -> Iterator[OwnSystem]:
    """Start everything with the demo organisation; everything ends with the block."""
    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        settings = Settings(data_dir=Path(folder), port=free_port(), log_level="warning", demo=True)
        with system(settings, quiet=True) as running:
            password = settings.demo_password.get_secret_value()
            yield OwnSystem(running.http_url, demo_logins(password))


def demo_logins(password: str) -> list[Login]:
    """Return the demo organisation's people who serve: neither bots nor administrators."""
    agents = yaml.safe_load(DEMO.read_text(encoding="utf-8"))["agents"]
    return [
        Login(name, password)
        for name, agent in agents.items()
        if agent.get("kind") != "bot" and agent.get("role") != "admin"
    ]
