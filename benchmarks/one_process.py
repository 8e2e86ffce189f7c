"""Raydesk without Ray and without a proxy: gateway and all actors in one process.

    python -m benchmarks.one_process PORT REDIS_URL KEYS_DIR

The same machines, journal and gateway as in production behind one event loop: beside the real
system it shows what Ray, Serve and HAProxy cost and what spreading over processes brings.
"""

from __future__ import annotations

import secrets
import socket
import sys
from pathlib import Path

import structlog
import uvicorn
import uvloop

from actors.in_process import InProcess
from infra.configs import RedisConfigs
from infra.customers import RedisCustomers
from infra.ids import WorkerLease
from infra.settings import Settings
from infra.wiring import Wiring
from serve.gateway.core import Gateway
from serve.gateway.limits import Limits
from serve.gateway.shell import Door
from serve.gateway.world import World
from serve.signing_keys import load_keys
from serve.tokens import Tokens
from serve.uvicorn_settings import OPTIONS

log = structlog.get_logger()


class Announcing(uvicorn.Server):
    """Says `ready` on standard output once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


async def serve(port: int, redis_url: str, keys_dir: Path) -> None:
    """Serve sockets until the process is ended."""
    wiring = Wiring(Settings(log_level="warning"), redis_url, in_ray=False)
    wiring.prepare()
    system = InProcess(wiring)
    await system.start()
    redis = wiring.redis()
    lease = WorkerLease(redis)
    await lease.acquire()
    name = f"one-process-{secrets.token_hex(4)}"
    fabric = system.fabric(name)
    gateway = Gateway(
        World(
            name=name,
            fabric=fabric,
            verifier=Tokens(load_keys(keys_dir)),
            customers=RedisCustomers(redis),
            configs=RedisConfigs(redis),
            metrics=wiring.metrics(name),
            new_id=lease.next,
        )
    )
    await fabric.start(gateway)
    config = uvicorn.Config(
        Door(gateway, Limits()),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        lifespan="off",
        **OPTIONS,
    )
    await Announcing(config).serve()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
