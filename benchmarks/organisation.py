"""The organisations that the load plays in: one queue that accepts by itself, and many agents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from actors.config import AgentConfig, OrgConfig, QueueConfig
from infra.configs import RedisConfigs
from infra.redis_client import connect
from serve.identity import Identity
from serve.signing_keys import load_keys
from serve.tokens import ISSUER, Tokens

QUEUE = "main"
NEVER_S = 24 * 3600.0


def organisation(org: str, agents: int, capacity: int) -> OrgConfig:
    """Return settings under which a contact is assigned at once and nothing ends by itself."""
    queue = QueueConfig(
        id=QUEUE,
        name="Benchmark",
        accept="auto",
        limit=1_000_000,
        timeout_s=NEVER_S,
        idle_warn_s=NEVER_S,
        idle_close_s=NEVER_S,
        abandon_after_s=NEVER_S,
        wrap_up_s=0.0,
        sticky_within_s=0.0,
        sticky_wait_s=0.0,
    )
    people = [
        AgentConfig(id=agent_id(org, number), name=f"Agent {number}", capacity=capacity)
        for number in range(agents)
    ]
    return OrgConfig(
        org=org,
        version=int(time.time() * 1000),
        entry_queue=QUEUE,
        queues={QUEUE: queue},
        agents={agent.id: agent for agent in people},
    )


def agent_id(org: str, number: int) -> str:
    """Return the id of an organisation's agent; ids of two organisations never meet."""
    return f"{org}-a{number}"


def publish(redis_url: str, configs: Iterable[OrgConfig]) -> None:
    """Make the settings known to the running system."""

    async def write() -> None:
        redis = connect(redis_url)
        try:
            for config in configs:
                await RedisConfigs(redis).publish(config)
        finally:
            await redis.aclose()

    asyncio.run(write())


class TokenMint:
    """Issues tokens with the keys of a running system."""

    def __init__(self, keys_dir: Path, issuer: str = ISSUER) -> None:
        self._tokens = Tokens(load_keys(keys_dir), issuer=issuer)

    def customers(self, org: str, n: int) -> list[str]:
        """Return visitor tokens of `n` customers."""
        people = [Identity(org=org, subject=f"{org}-c{i}", role="customer") for i in range(n)]
        return [self._tokens.issue_visitor(who, time.time(), NEVER_S) for who in people]

    def agents(self, org: str, n: int) -> list[str]:
        """Return access tokens of the organisation's agents."""
        people = [Identity(org=org, subject=agent_id(org, i), role="agent") for i in range(n)]
        return [self._tokens.issue_access(who, time.time(), NEVER_S) for who in people]
