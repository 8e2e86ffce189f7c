"""Finding and killing (kill -9) one real process of a running system, by its part in it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Literal, get_args

import psutil
import ray

from actors.on_ray import KEEPER, NAMESPACE
from benchmarks.nodes import busiest_worker_node
from benchmarks.processes import Census
from infra.journal.registry import RedisRegistry
from infra.redis_client import connect

Part = Literal[
    "gateway",
    "session-shard",
    "agent-shard",
    "queue",
    "dispatch",
    "keeper",
    "redis",
    "worker-node",
]
PARTS: tuple[Part, ...] = get_args(Part)

_ROLE_BEGINS: dict[Part, str] = {
    "session-shard": "session-0",
    "agent-shard": "agent-0",
    "queue": "queue",
    "dispatch": "dispatch",
}


class NothingToKillError(Exception):
    """No process plays that part now."""


async def host_names(redis_url: str) -> dict[str, str]:
    """Return role -> name of the Ray actor that has it, as the keeper has noted."""
    redis = connect(redis_url)
    try:
        return await RedisRegistry(redis).hosts()
    finally:
        await redis.aclose()


async def find(part: Part, redis_url: str, org: str, census: Census) -> int:
    """Return the process id of the part; of per-entity hosts, that of the organisation's.

    Raises:
        NothingToKillError: there is none.
    """
    if part == "gateway":
        return _first([pid for pid in census.pids("gateway") if _is_gateway(pid)], part)
    if part == "keeper":
        return await asyncio.to_thread(pid_of, KEEPER)
    if part == "redis":
        return _first(census.pids("valkey"), part)
    if part == "worker-node":
        return _first([pid for pid in [busiest_worker_node()] if pid is not None], part)
    begins = _ROLE_BEGINS[part]
    names = await host_names(redis_url)
    roles = [role for role in names if role.startswith((f"{begins}/{org}/", f"{begins}-", begins))]
    roles.sort(key=lambda role: f"/{org}/" not in role)
    if not roles:
        raise NothingToKillError(f"no {part} is running")
    return await asyncio.to_thread(pid_of, names[roles[0]])


def pid_of(name: str) -> int:
    """Return the process id of a named Ray actor."""
    actor: Any = ray.get_actor(name, namespace=NAMESPACE)
    pid: int = ray.get(actor.__ray_call__.remote(lambda _: os.getpid()), timeout=10)
    return pid


def _is_gateway(pid: int) -> bool:
    """Serve's other replicas are the bots'."""
    try:
        return "Gateway" in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def kill(pid: int) -> None:
    """End the process at once; it gets no chance to tidy up."""
    os.kill(pid, signal.SIGKILL)


def _first(pids: list[int], part: str) -> int:
    if not pids:
        raise NothingToKillError(f"no process of the {part} is running")
    return pids[0]
