"""Wires the gateway's deployment on Ray Serve (the bots' are in `serve.bot_on_serve`).

A replica holds thousands of sockets, each an ongoing request of Serve's. Its path per message is
Serve's HAProxy -> uvicorn in the replica -> `serve.gateway`; no proxy actor, no Ray call.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import secrets
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import ray
import structlog
import uvicorn
from ray import serve
from ray.exceptions import RayError
from ray.serve import RunTarget
from ray.serve._private.constants import (
    SERVE_CONTROLLER_NAME,
    SERVE_LOGGER_NAME,
    SERVE_NAMESPACE,
)
from ray.serve.context import _set_global_client

from actors import on_ray
from serve.api import build_app
from serve.bot_door import ServeDoor
from serve.doors import AdaptersBuilder
from serve.ingress_env import DRAIN_S, wait_until_direct
from serve.people import prepare_directory, wiring_of_settings
from serve.uvicorn_settings import OPTIONS

APP = "raydesk"
DEPLOYMENT = "Gateway"
STOP_S = 30.0

log = structlog.get_logger()


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
        adapters = dataclasses.replace(
            await self._builder.adapters(name),
            bot_door=ServeDoor(),
            outcomes=self._builder.outcomes(),
        )
        return build_app(name, adapters, on_ray.fabric(name, self._builder.actors))


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
        # A dead replica is found by its next check, and all its people wait for that (M8).
        health_check_period_s=1.0,
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
    every_node: bool = True,
) -> None:
    """Start Serve's ingress and the gateways in the connected cluster; return once they serve."""
    # Whoever starts the system reads our own steps.
    logging.getLogger(SERVE_LOGGER_NAME).setLevel(logging.WARNING)
    serve.start(
        # No request_timeout_s: it would cut live sockets.
        http_options={"host": host, "port": port},
        proxy_location="EveryNode" if every_node else "HeadOnly",
    )
    app = gateway_app(builder, replicas=replicas, connections=connections, drain_s=drain_s)
    serve.run(app, name=APP, route_prefix="/")
    if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1":
        wait_until_direct("127.0.0.1" if host == "0.0.0.0" else host, port)  # noqa: S104 # a name


def start_beside(targets: Sequence[RunTarget]) -> None:
    """Start further applications, all at once; return once they run."""
    serve.run_many(targets)


def stop_gateways(timeout_s: float = STOP_S) -> None:
    """End Serve and its processes.

    `serve.shutdown()` alone waits in a call that is open until the controller kills itself, and Ray
    reports that call on standard error as failed: so the controller is asked without waiting.
    """
    try:
        controller = ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
        ray.get(controller.graceful_shutdown.remote(False), timeout=timeout_s)
    except (ValueError, RayError):
        log.info("serve.gone")
    deadline = time.monotonic() + timeout_s
    while _controller_lives() and time.monotonic() < deadline:
        time.sleep(0.05)
    if _controller_lives():
        # Its replicas drain for longer than we wait: they end by themselves, or with Ray.
        log.info("serve.still_draining", waited_s=timeout_s)
    # What `serve.shutdown()` does last: a later start must not find this controller's handle.
    _set_global_client(None)  # type: ignore[no-untyped-call]


def _controller_lives() -> bool:
    try:
        ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
    except ValueError:
        return False
    return True


def gateway_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the gateways for `serve deploy`; prepares the directory and starts the actors first,
    unless they run."""
    wiring = wiring_of_settings()
    settings = wiring.actors.settings
    asyncio.run(prepare_directory(settings, wiring.actors.redis_url))
    on_ray.start_actors(wiring.actors)
    return gateway_app(
        wiring,
        replicas=settings.gateway_replicas,
        connections=settings.connections_per_replica,
    )
