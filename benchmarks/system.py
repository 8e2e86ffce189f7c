"""The Raydesk that a benchmark measures: its own, started and ended here, or one that runs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

import serve.system
from benchmarks.children import Child
from benchmarks.organisation import TokenMint, organisation, publish
from infra.settings import Settings, load_settings
from infra.valkey import ValkeyServer, free_port
from serve.door_wiring import People
from serve.tokens import ISSUER

DRAIN_S = 1
"""Nobody is waited for at the end of a benchmark."""
RAY_ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
"""Loopback only, for as long as the program runs."""


class System(msgspec.Struct, kw_only=True):
    """How to reach a running Raydesk. `known` gives roles to processes (`processes.Census`)."""

    url: str
    redis_url: str
    keys_dir: Path
    known: dict[int, str] = {}
    issuer: str = ISSUER

    def enrol(
        self, org: str, customers: int, agents: int, capacity: int
    ) -> tuple[list[str], list[str]]:
        """Add an organisation; return its customers' and its agents' tokens."""
        publish(self.redis_url, [organisation(org, agents, capacity)])
        mint = TokenMint(self.keys_dir, self.issuer)
        return mint.customers(org, customers), mint.agents(org, agents)


@contextmanager
def one_process_system() -> Iterator[System]:
    """Run everything in one process, without Ray (see `benchmarks.one_process`)."""
    with tempfile.TemporaryDirectory() as name, ValkeyServer(Path(name) / "valkey") as valkey:
        keys_dir, port = Path(name) / "keys", free_port()
        TokenMint(keys_dir)
        child = Child(
            [sys.executable, "-m", "benchmarks.one_process", str(port), valkey.url, str(keys_dir)]
        )
        try:
            child.wait_ready()
            known = {child.pid: "gateway", valkey.pid: "valkey"}
            url = f"ws://127.0.0.1:{port}/"
            yield System(url=url, redis_url=valkey.url, keys_dir=keys_dir, known=known)
        finally:
            child.stop()


class Nobody:
    """A directory without sites and accounts: the load brings tokens of its own."""

    async def get(self, key: str) -> None:
        """There is no site."""
        del key

    async def find(self, org: str, login: str) -> None:
        """There is no account."""
        del org, login


async def nobody(settings: Settings) -> People:
    """Return the empty directory."""
    del settings
    return People(sites=Nobody(), accounts=Nobody())


@contextmanager
def ray_system(
    place: Mapping[str, str], gateways: int, ray_address: str = "local", *, bots: bool = False
) -> Iterator[System]:
    """Run the real thing: Valkey, Ray, actors as placed, gateways behind HAProxy."""
    with tempfile.TemporaryDirectory(prefix="rd") as name:
        wanted: dict[str, Any] = {f"place_{kind}": rule for kind, rule in place.items()}
        if gateways:
            wanted["gateway_replicas"] = gateways
        if ray_address != "local":
            wanted["haproxy"] = "off"  # see `benchmarks.nodes`
        settings = Settings(
            data_dir=Path(name), port=free_port(), log_level="warning", demo=False, **wanted
        )
        os.environ |= RAY_ENVIRONMENT
        with serve.system.running_system(
            settings, nobody, bots=bots, drain_s=DRAIN_S, ray_address=ray_address
        ) as running:
            assert running.valkey is not None
            yield System(
                url=running.ws_url,
                redis_url=running.redis_url,
                keys_dir=settings.keys_dir,
                issuer=settings.base_url,
                known={running.valkey.pid: "valkey"},
            )


def outside_system(url: str) -> System:
    """Return the system that runs on this machine with the options of the environment.

    Raises:
        ValueError: REDIS_URL is not set, so its organisations cannot be added.
    """
    settings = load_settings()
    if settings.external_redis is None:
        raise ValueError("--url needs the running system's REDIS_URL and RAYDESK_DATA_DIR")
    return System(
        url=url,
        redis_url=settings.external_redis,
        keys_dir=settings.keys_dir,
        issuer=settings.base_url,
    )


@contextmanager
def running_system(
    url: str = "",
    *,
    one_process: bool = False,
    place: Mapping[str, str] | None = None,
    gateways: int = 0,
    worker_nodes: int = 0,
    bots: bool = False,
) -> Iterator[System]:
    """Return the system to measure: the one at `url`, or one that ends with the block.

    Args:
        place: kind of actor -> `per-entity` or a number of shards; default: the options'.
        gateways: gateway processes; 0: as many as the options say.
        worker_nodes: Ray nodes beside the head, all on this machine.
        bots: run the bots, too.
    """
    if url:
        yield outside_system(url)
    elif one_process:
        with one_process_system() as system:
            yield system
    elif worker_nodes:
        # Ray is loaded only by who needs it.
        from benchmarks.nodes import cluster_of  # noqa: PLC0415

        with (
            cluster_of(worker_nodes) as address,
            ray_system(place or {}, gateways, address) as system,
        ):
            yield system
    else:
        with ray_system(place or {}, gateways, bots=bots) as system:
            yield system
