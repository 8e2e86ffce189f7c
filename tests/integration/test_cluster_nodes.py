"""A cluster of a head and two worker nodes, hosts and gateways spread over them: one is killed.

In a process of its own: one process has one Ray. Serve's Python proxies take the sockets, because
the HAProxies of several nodes cannot share one machine (`benchmarks.nodes`).
"""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.children import run_fresh

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

ZERO = (
    "lost",
    "duplicated",
    "out_of_order",
    "missing_in_history",
    "double_assigned",
    "over_capacity",
    "never_recovered",
    "unread_histories",
    "unanswered",
)
LOAD = ["--sessions=10", "--say-every=0.5", "--arrive-every=0.5", "--before=3", "--after=15"]


async def test_a_killed_worker_node_costs_nobody_anything() -> None:
    result = await asyncio.to_thread(run_fresh, "benchmarks.faults", ["--kill=worker-node", *LOAD])
    assert {name: result[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert result["acked"] > 0
    on_nodes = result["processes_by_node"]
    assert len(on_nodes) == 3
    assert sum(count > 0 for count in on_nodes) >= 2, "hosts and gateways are spread"
