"""What a process counts reaches Prometheus through Ray."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import ray

from infra.metrics import RayMetrics
from tests.support.actor_system import until

pytestmark = pytest.mark.ray


async def exported() -> str:
    """The text that Prometheus would scrape from this node."""
    port = ray.nodes()[0]["MetricsExportPort"]
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        except httpx.HTTPError:
            return ""


async def test_counters_gauges_and_histograms_are_exported_with_their_labels(ray_cluster) -> None:
    metrics = RayMetrics("session-0@7")
    for _ in range(3):
        metrics.add("messages_total", 1, "customer")
    metrics.set("entities", 12, "session")
    metrics.add("commit_seconds", 0.004)

    async def arrived() -> bool:
        await asyncio.to_thread(metrics.flush)
        text = await exported()
        wanted = (
            ("ray_raydesk_messages_total{", 'role="customer"', "3.0"),
            ("ray_raydesk_entities{", 'kind="session"', "12.0"),
            ("ray_raydesk_commit_seconds_bucket{", 'le="0.005"', "1.0"),
        )
        lines = text.splitlines()
        return all(any(all(part in line for part in parts) for line in lines) for parts in wanted)

    await until(arrived)
    assert any('actor="session-0@7"' in line for line in (await exported()).splitlines())
