"""The one file that wires Ray Serve: the gateway's deployment.

A replica holds thousands of sockets, each an ongoing request of Serve's. Its path per message is
Serve's HAProxy -> uvicorn in the replica -> `serve.gateway`; no proxy actor, no Ray call.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from functools import partial
from typing import Any

import uvicorn
from ray import serve

from actors import on_ray
from serve.api import build_app
from serve.bot_app import BotApp
from serve.doors import AdaptersBuilder
from serve.ingress_env import DRAIN_S, wait_until_direct
from serve.tokens import Tokens
from serve.uvicorn_settings import OPTIONS

APP = "raydesk"
DEPLOYMENT = "Gateway"
BOT_APP = "bots"


class GatewayReplica:
    """One gateway process. Soft state only: its sockets reconnect elsewhere with their cursors."""

    def __init__(self, builder: AdaptersBuilder) -> None:
        self._builder = builder

    async def __serve_build_asgi_app__(self) -> Any:
        """Build the application for Serve, in the replica's event loop."""
        self._builder.actors.prepare()
        # Serve starts uvicorn in the replica only after this, with settings of its own.
        uvicorn.Config = partial(uvicorn.Config, **OPTIONS)  # type: ignore[misc,assignment]
        # A replica that is restarted under the same tag must be a stranger to the hosts.
        tag = serve.get_replica_context().replica_tag
        name = f"gateway-{tag.rpartition('#')[2]}-{secrets.token_hex(3)}"
        adapters = await self._builder.adapters(name)
        return build_app(name, adapters, on_ray.fabric(name, self._builder.actors))


class BotReplica:
    """All bots, beside the gateway: their crash, upgrade or slowness touches no human service."""

    def __init__(self, builder: AdaptersBuilder, url: str) -> None:
        self._builder = builder
        self._url = url
        self._task: asyncio.Task[None] | None = None

    async def check_health(self) -> None:
        """Start the bots at the first call. Serve restarts the replica when they have ended."""
        if self._task is None:
            self._builder.actors.prepare()
            builder = self._builder
            app = BotApp(self._url, Tokens(builder.keys), builder.config_source())
            self._task = asyncio.create_task(app.run(), name="bots")
        if self._task.done():
            raise RuntimeError(f"the bots have ended: {self._task.exception()!r}")

    async def __call__(self) -> str:
        """Answer whoever asks by handle."""
        return "bots"


def gateway_app(
    builder: AdaptersBuilder, *, replicas: int, connections: int, drain_s: int = DRAIN_S
) -> serve.Application:
    """Return the Serve application to run.

    Args:
        replicas: gateway processes.
        connections: sockets each may hold; over it a handshake would hang, so Serve's limit lies
            higher and the gateway refuses by itself, with a reason.
        drain_s: as given to `ingress_environment`.
    """
    deployed = serve.deployment(
        name=DEPLOYMENT,
        num_replicas=replicas,
        max_ongoing_requests=connections + 1000,
        # Clients see 1012 when the listener closes, after the draining period.
        graceful_shutdown_timeout_s=drain_s + 10.0,
        graceful_shutdown_wait_loop_s=1.0,
        health_check_period_s=5.0,
        health_check_timeout_s=15.0,
        ray_actor_options={"num_cpus": 0, "memory": 300 * 1024 * 1024},
    )
    return deployed(serve.ingress()(GatewayReplica)).bind(builder)


def start_gateways(
    builder: AdaptersBuilder,
    *,
    port: int,
    replicas: int,
    connections: int,
    host: str = "0.0.0.0",  # noqa: S104 # the public door; every socket authenticates itself
    drain_s: int = DRAIN_S,
) -> None:
    """Start Serve's ingress and the gateways in the connected cluster; return once they serve."""
    serve.start(
        # No request_timeout_s: it would cut live sockets.
        http_options={"host": host, "port": port},
        proxy_location="EveryNode",
    )
    app = gateway_app(builder, replicas=replicas, connections=connections, drain_s=drain_s)
    serve.run(app, name=APP, route_prefix="/")
    if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1":
        wait_until_direct("127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104 # a name


def start_bots(builder: AdaptersBuilder, url: str) -> None:
    """Start the bots, which connect to the gateway at `url`."""
    deployed = serve.deployment(
        name="Bots",
        num_replicas=1,
        health_check_period_s=2.0,
        ray_actor_options={"num_cpus": 0, "memory": 200 * 1024 * 1024},
    )
    serve.run(deployed(BotReplica).bind(builder, url), name=BOT_APP, route_prefix=None)


def stop_gateways() -> None:
    """End Serve and its processes."""
    serve.shutdown()  # type: ignore[no-untyped-call]
