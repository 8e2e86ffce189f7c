"""Wires the assignment models on Ray Serve, as an application of their own (decision 0112)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from ray import serve
from ray.serve import RunTarget

from actors.ports import Objects
from actors.scoring_on_ray import APP, DEPLOYMENT
from infra.objects import open_objects
from infra.settings import SettingsError, load_settings
from infra.wiring import Wiring
from serve.assignment import AssignmentModels

UNDER_WAY_N = 200


class ModelStore:
    """Opens the object store in a replica. Picklable."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def __call__(self) -> Objects:
        """Set up the process; return the store."""
        self._wiring.prepare()
        return open_objects(self._wiring.settings)


class AssignmentReplica:
    """One process that scores."""

    def __init__(self, open_store: Callable[[], Objects]) -> None:
        self._models = AssignmentModels(open_store())
        self._following: asyncio.Task[None] | None = None

    async def check_health(self) -> None:
        """Follow what is promoted from the first call on."""
        if self._following is None:
            await self._models.refresh()
            self._following = asyncio.create_task(self._models.run(), name="assignment.models")
        if self._following.done():
            raise RuntimeError(f"models are followed no more: {self._following.exception()!r}")

    async def answer(self, data: bytes) -> bytes:
        """See `AssignmentModels.answer`."""
        return await self._models.answer(data)

    async def pid(self) -> int:
        """Return the process that answers."""
        return os.getpid()

    async def versions(self) -> dict[str, str]:
        """See `AssignmentModels.versions`."""
        return self._models.versions()


def assignment_app(open_store: Callable[[], Objects], replicas: int = 1) -> serve.Application:
    """Return the application to run."""
    deployed = serve.deployment(
        name=DEPLOYMENT,
        num_replicas=replicas,
        max_ongoing_requests=UNDER_WAY_N,
        max_queued_requests=UNDER_WAY_N,
        health_check_period_s=1.0,
        health_check_timeout_s=5.0,
        graceful_shutdown_timeout_s=2.0,
        ray_actor_options={"num_cpus": 0, "memory": 250 * 1024 * 1024},
    )
    return deployed(AssignmentReplica).bind(open_store)


def assignment_from_settings(_: dict[str, Any]) -> serve.Application:
    """Return the application for `serve deploy`.

    Raises:
        SettingsError: a wrong setting, or no REDIS_URL.
    """
    settings = load_settings()
    if settings.external_redis is None:
        raise SettingsError("REDIS_URL is needed: nodes of a cluster share one store")
    wiring = Wiring(settings, settings.external_redis)
    return assignment_app(ModelStore(wiring), max(settings.assignment_models, 1))


def assignment_target(wiring: Wiring, replicas: int = 1) -> RunTarget:
    """Return the models' application."""
    return RunTarget(assignment_app(ModelStore(wiring), replicas), APP, None)
