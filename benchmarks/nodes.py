"""A Ray cluster of several nodes on this machine, so that one of them can be killed.

Serve's HAProxies are off here: on real nodes each has ports of its own, but on one machine the
replicas of two nodes would be given the same direct ports, since Serve hands those out per node.
Serve's Python proxies share the public port (SO_REUSEPORT) and reach replicas through Ray.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from actors.on_ray import ENVIRONMENT, OBJECT_STORE, ROOT
from benchmarks.processes import role_of
from serve.ingress_env import ingress_environment

OURS = frozenset({"shard", "gateway"})


@contextmanager
def cluster_of(worker_nodes: int) -> Iterator[str]:
    """Start a head and worker nodes; return the address to connect to. All end with the block."""
    # Nodes hand their environment on to every process they start.
    os.environ |= {**ENVIRONMENT, **ingress_environment(haproxy="off"), "PYTHONPATH": str(ROOT)}
    node: dict[str, Any] = {
        "num_cpus": 2,
        "object_store_memory": OBJECT_STORE,
        "include_dashboard": False,
    }
    cluster = Cluster(initialize_head=True, head_node_args=dict(node))
    try:
        for _ in range(worker_nodes):
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def busiest_worker_node() -> int | None:
    """Return the process id of the raylet, not the head's, that holds most of our processes."""
    workers = [raylet for raylet in _raylets() if "--head" not in _command(raylet).split()]
    return max(workers, key=ours_n).pid if workers else None


def spread() -> list[int]:
    """Return how many of our processes each node of this program's cluster runs."""
    return [ours_n(raylet) for raylet in _raylets()]


def ours_n(raylet: psutil.Process) -> int:
    """Return how many hosts and gateways the node runs."""
    return sum(role_of(_command(child)) in OURS for child in raylet.children())


def _raylets() -> list[psutil.Process]:
    below = psutil.Process().children(recursive=True)
    return [process for process in below if "/raylet/raylet " in _command(process)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
