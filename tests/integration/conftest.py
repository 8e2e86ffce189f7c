"""One Ray cluster for the whole test run: it takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.on_ray import start_ray, stop_actors, stop_ray


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A local cluster, connected."""
    start_ray()
    yield
    stop_ray()


@pytest.fixture
def ray_actors(ray_cluster: None) -> Iterator[None]:
    """The cluster; a test's actors end with it."""
    yield
    stop_actors()
