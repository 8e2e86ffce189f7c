"""Each peer really does the durable work: acked, stored, delivered to the other side only."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest
from redis import Redis

from benchmarks.loader import Loader, Plan, Step, run_step
from benchmarks.peers.running import PeerName, running_peer
from infra.valkey import ValkeyServer


@pytest.mark.slow
@pytest.mark.parametrize("name", get_args(PeerName))
@pytest.mark.parametrize("workers", [1, 2])
def test_a_peer_stores_and_delivers_every_message(
    name: PeerName, workers: int, tmp_path: Path
) -> None:
    if name == "socket.io" and shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    with (
        ValkeyServer(tmp_path, supervise=False) as valkey,
        running_peer(name, valkey.url, workers) as peers,
    ):
        plan = Plan(
            wire="socket.io", urls=[peer.url for peer in peers], talks=5, agents=2, prefix="t"
        )
        loader = Loader(plan)
        try:
            loader.start()
            phase = run_step([loader], Step(seconds=1.0, rate=50.0))
        finally:
            loader.stop()
        with Redis.from_url(valkey.url) as store:
            stored = sum(store.zcard(f"peer:{{t-{n}}}:timeline") for n in range(5))
    assert phase.sent > 0
    assert stored == phase.sent == phase.acked == phase.delivered
    assert phase.lost == phase.duplicated == 0
