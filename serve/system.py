"""Starts and ends a whole Raydesk on this machine: stores, Ray, actors, gateways, bots.

Everything that is started here is ended here, in reverse, by its handle.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from actors.on_ray import start_actors, start_ray, stop_actors, stop_ray
from infra.settings import Settings
from infra.valkey import ValkeyServer, free_port
from infra.wiring import Wiring
from serve.assignment_on_serve import assignment_target
from serve.bot_on_serve import bot_targets
from serve.door_wiring import DoorWiring, OpenPeople
from serve.ingress_env import DRAIN_S, folder_in, ingress_environment
from serve.on_serve import start_beside, start_gateways, stop_gateways
from serve.port_block import port_block

SOCKET_PATH = "/ws"

Step = Callable[[str], None]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a running system."""

    settings: Settings
    http_url: str
    ws_url: str
    redis_url: str
    dashboard_url: str
    valkey: ValkeyServer | None = None
    """The private store, None when REDIS_URL names one."""


@contextmanager
def running_system(
    settings: Settings,
    people: OpenPeople,
    *,
    prepare: Callable[[str], None] = lambda _: None,
    step: Step = lambda _: None,
    ray_address: str = "local",
    dashboard: bool = False,
    bots: bool = True,
    host: str = "127.0.0.1",
    drain_s: int = DRAIN_S,
    every_node: bool = True,
) -> Iterator[Running]:
    """Run the system until the block ends.

    Args:
        people: opens the directory in every gateway process.
        prepare: called with the store's URL once it answers, before any actor starts.
        step: told, for people, what is being started.
        ray_address: `local` starts a cluster; anything else is one to connect to.
        drain_s: see `ingress_environment`.
        every_node: an ingress on each node; False: on the head only.
    """
    with ExitStack() as stack:
        step("store")
        settings.make_data_dir()
        valkey = None
        redis_url = settings.external_redis
        if redis_url is None:
            valkey = stack.enter_context(_private_valkey(settings))
            redis_url = valkey.url
        prepare(redis_url)
        step("Ray")
        os.environ |= ingress_environment(
            haproxy=settings.haproxy,
            folder=folder_in(settings.data_dir),
            drain_s=drain_s,
            metrics_port=free_port(),
            stats_port=free_port(),
            own_ports=stack.enter_context(port_block()),
        )
        dashboard_url = start_ray(ray_address, dashboard=dashboard)
        stack.callback(stop_ray)
        wiring = Wiring(settings, redis_url)
        step("actors")
        start_actors(wiring)
        stack.callback(stop_actors)
        step("doors")
        doors = DoorWiring(wiring, people)
        start_gateways(
            doors,
            port=settings.port,
            replicas=settings.gateway_replicas,
            connections=settings.connections_per_replica,
            host=host,
            drain_s=drain_s,
            every_node=every_node,
        )
        stack.callback(stop_gateways, drain_s + 60.0)
        ws_url = f"ws://127.0.0.1:{settings.port}{SOCKET_PATH}"
        beside = bot_targets(doors.bots(), ws_url, settings) if bots else []
        if settings.assignment_models:
            beside.append(assignment_target(wiring, settings.assignment_models))
        if beside:
            step("bots and models")
            start_beside(beside)
        yield Running(
            settings=settings,
            http_url=f"http://127.0.0.1:{settings.port}",
            ws_url=ws_url,
            redis_url=redis_url,
            dashboard_url=dashboard_url,
            valkey=valkey,
        )


def _private_valkey(settings: Settings) -> ValkeyServer:
    password = settings.valkey_password
    return ValkeyServer(
        settings.data_dir / "valkey",
        port=settings.valkey_port,
        password=password.get_secret_value() if password else None,
        fsync=settings.valkey_fsync,
    )
