"""How many assignments a second the dispatch actor makes, and how fast one decision is.

    python -m benchmarks.dispatch --agents 1000 --waiting 10000

The dispatch host is the real one, on Ray, with its journal on disk; queue, agents and sessions are
played by a light process (`benchmarks.counterpart`) that tells it what they would, in batches, with
offers accepted by themselves. First everybody waits and contacts end as soon as they are assigned:
the most it can do. Then, with the line still full and every slot taken, slots are freed at a held
rate: `decision_ms` is the time from a slot's release to its next assignment, commit included.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from actors.on_ray import NAMESPACE
from benchmarks import report
from benchmarks.counterpart import Tally, start_keeper
from benchmarks.histogram import Histogram
from benchmarks.kills import host_names
from benchmarks.organisation import organisation, publish
from benchmarks.processes import Census, cpu_us_per_message
from benchmarks.system import RAY_ENVIRONMENT
from infra.settings import Settings
from infra.valkey import ValkeyServer
from infra.wiring import Wiring

LONGEST_S = 120.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--capacity", type=int, default=5, help="contacts that one agent holds")
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=200.0, help="slots freed a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="of freeing slots")
    return parser.parse_args(arguments)


class Match:
    """The dispatch host against its counterpart, on a running Ray."""

    def __init__(self, given: argparse.Namespace, redis_url: str) -> None:
        self._given = given
        self._redis_url = redis_url
        self._org = f"line{int(time.time())}"
        self._census = Census()

    def run(self) -> dict[str, Any]:
        """Play both phases."""
        given = self._given
        config = organisation(self._org, given.agents, given.capacity)
        publish(self._redis_url, [config])
        wiring = Wiring(Settings(place_session=1, place_agent=1, place_queue=1), self._redis_url)
        keeper = start_keeper(wiring, self._org, given.agents, given.capacity)
        names = asyncio.run(host_names(self._redis_url))
        self._other: Any = ray.get_actor(names["session-0"], namespace=NAMESPACE)
        ray.get(self._other.open.remote(), timeout=60)
        before = self._census.cpu()
        fast = self._line_up(given.waiting, instant=True)
        cpu = cpu_us_per_message(before, self._census.cpu(), fast.assigned)
        slots = given.agents * given.capacity
        self._line_up(slots + given.waiting, instant=False, until=slots)
        ray.get(self._other.replace.remote(given.rate, given.seconds), timeout=LONGEST_S)
        held = self._until(int(given.rate * given.seconds))
        ray.get(keeper.stop.remote(), timeout=30)
        return self._result(fast, held, cpu)

    def _line_up(self, contacts: int, *, instant: bool, until: int = 0) -> Tally:
        ray.get(self._other.line_up.remote(contacts, instant=instant), timeout=LONGEST_S)
        return self._until(until or contacts)

    def _until(self, assigned: int) -> Tally:
        deadline = time.monotonic() + LONGEST_S
        while True:
            tally: Tally = ray.get(self._other.tally.remote(), timeout=30)
            if tally.assigned >= assigned or time.monotonic() > deadline:
                return tally
            time.sleep(0.2)

    def _result(self, fast: Tally, held: Tally, cpu: dict[str, int]) -> dict[str, Any]:
        given = self._given
        return {
            "agents": given.agents,
            "waiting": given.waiting,
            "assigned": fast.assigned,
            "assignments_per_s": round(fast.assigned / fast.seconds, 1),
            "cpu_us_per_assignment": cpu,
            "decisions": held.assigned,
            "decisions_per_s": given.rate,
            "decision_ms": Histogram(held.decisions).summary_ms(),
            "double_assigned": fast.doubles + held.doubles,
            "over_capacity": fast.over_capacity + held.over_capacity,
        }


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    with tempfile.TemporaryDirectory() as name, ValkeyServer(Path(name), supervise=False) as valkey:
        os.environ |= RAY_ENVIRONMENT
        ray.init(address="local", include_dashboard=False, log_to_driver=False)
        try:
            result = Match(given, valkey.url).run()
        finally:
            ray.shutdown()
    row = {key: result[key] for key in ("agents", "waiting", "assigned", "assignments_per_s")}
    row |= {f"decision {p} ms": result["decision_ms"][p] for p in ("p50", "p99", "max")}
    row |= {key: result[key] for key in ("double_assigned", "over_capacity")}
    report.say(report.table([row]))
    report.write({"benchmark": "dispatch", **result, "machine": facts}, given.json)


if __name__ == "__main__":
    main()
