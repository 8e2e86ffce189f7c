"""Everything a gateway is given by whoever starts it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from actors.ports import Fabric, Metrics
from bot.outcomes import OutcomeSink
from serve.doors import Configs, Customers
from serve.gateway.assisting import Assisting
from serve.gateway.limits import Limits
from serve.identity import Identity


class Verifier(Protocol):
    """Tells who bears a token (`serve.tokens`)."""

    def verify(self, token: str, now: float) -> Identity:
        """Return the bearer.

        Raises:
            serve.identity.BadTokenError: with a sentence for the client.
        """
        ...


def call_later(delay_s: float, action: Callable[[], None]) -> None:
    """Run `action` on the running loop after `delay_s` seconds."""
    asyncio.get_running_loop().call_later(delay_s, action)


@dataclass(frozen=True, kw_only=True)
class World:
    """The gateway's dependencies. `name` is unique to this process's life: sockets of an earlier
    one must never be taken for ours. `origins` are our own pages' (the console's), exact."""

    name: str
    fabric: Fabric
    verifier: Verifier
    customers: Customers
    configs: Configs
    metrics: Metrics
    new_id: Callable[[], str]
    limits: Limits = field(default_factory=Limits)
    origins: frozenset[str] = frozenset()
    assisting: Assisting | None = None
    """Suggestions from the bot's model; None: there is none."""
    outcomes: OutcomeSink | None = None
    """Hears of customers who came back after a bot served them; None: nobody wants to know."""
    objection: Callable[[Identity], str] = lambda _: ""
    """Why somebody who was verified may not pass after all, by now; '' if nothing is against it."""
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    later: Callable[[float, Callable[[], None]], None] = call_later
