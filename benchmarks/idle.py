"""What an idle customer costs: memory of all our processes, and how fast they connect.

    python -m benchmarks.idle --connections 5000

Every connection is a customer with a live session, assigned to an agent, saying nothing. At the end
a few messages go through, which must not be slower for all the idle ones.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import report
from benchmarks.contest import measured_of
from benchmarks.loader import Loader, Plan, Step, run_step
from benchmarks.processes import Census, Usage
from benchmarks.system import System, running_system

NOT_OURS = frozenset({"loader", "starter", "peer"})
TALKS_PER_AGENT = 50
MESSAGES_PER_S = 20.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--loaders", type=int, default=1, help="load generator processes")
    parser.add_argument("--rest", type=float, default=3.0, help="seconds of rest before a reading")
    parser.add_argument("--one-process", action="store_true", help="Raydesk without Ray")
    return parser.parse_args(arguments)


def plans_for(system: System, connections: int, loaders: int) -> list[tuple[Plan, Plan]]:
    """Return, for each loader, what is connected before the first reading, and what is weighed.

    Both are of one organisation, whose own actors are thus running before. The first has one agent
    and as many talks as that agent can hold, so that no talk of the second goes there.
    """
    pairs = []
    for number in range(loaders):
        org = f"idle{time.time_ns()}x{number}"
        talks = connections // loaders + (number < connections % loaders)
        agents = -(-talks // TALKS_PER_AGENT)
        customers, staff = system.enrol(org, talks + TALKS_PER_AGENT, agents + 1, TALKS_PER_AGENT)
        warm = _plan(system, f"{org}w", customers[talks:], staff[agents:])
        pairs.append((warm, _plan(system, org, customers[:talks], staff[:agents])))
    return pairs


def _plan(system: System, prefix: str, customers: list[str], staff: list[str]) -> Plan:
    return Plan(
        wire="raydesk",
        urls=[system.url],
        talks=len(customers),
        agents=len(staff),
        prefix=prefix,
        customer_tokens=customers,
        agent_tokens=staff,
    )


def start(plans: Sequence[Plan], census: Census) -> tuple[list[Loader], float]:
    """Connect everybody; return the loaders and the seconds that it took."""
    loaders = [Loader(plan) for plan in plans]
    census.known |= dict.fromkeys((loader.pid for loader in loaders), "loader")
    waiting = [loader.begin() for loader in loaders]
    return loaders, max(ready().open_s for ready in waiting)


def grown(before: dict[str, Usage], after: dict[str, Usage]) -> dict[str, float]:
    """Return by how many KB each role of ours has grown."""
    return {
        role: round(usage.pss_kb - before.get(role, Usage()).pss_kb, 1)
        for role, usage in after.items()
        if role not in NOT_OURS
    }


def run(given: argparse.Namespace, system: System) -> dict[str, Any]:
    """Connect, rest, weigh, and send a few messages."""
    census = Census(system.known)
    pairs = plans_for(system, given.connections, given.loaders)
    running, _ = start([warm for warm, _ in pairs], census)
    try:
        run_step(running, Step(seconds=1.0, window=1))
        time.sleep(given.rest)
        before = census.memory()
        idle, open_s = start([plan for _, plan in pairs], census)
        running += idle
        time.sleep(given.rest)
        after = census.memory()
        through = run_step(idle, Step(seconds=5.0, rate=MESSAGES_PER_S))
    finally:
        for loader in running:
            loader.stop()
    kb = grown(before, after)
    n = given.connections
    return {
        "connections": n,
        "kb_per_connection": round(sum(kb.values()) / n, 2),
        "kb_per_connection_by_role": {role: round(size / n, 2) for role, size in kb.items()},
        "connects_per_s": round(n / open_s, 1),
        "message": measured_of("held rate", through, {}, MESSAGES_PER_S),
        "memory_mb": {role: round(usage.pss_kb / 1024, 1) for role, usage in after.items()},
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    }


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    with running_system(given.url, one_process=given.one_process) as system:
        result = run(given, system)
    row: dict[str, report.Cell] = {
        name: result[name] for name in ("connections", "kb_per_connection", "connects_per_s")
    }
    through = result["message"]
    row |= {"deliver p50": through.deliver_ms["p50"], "deliver max": through.deliver_ms["max"]}
    report.say(report.table([row]))
    report.write({"benchmark": "idle", **result, "machine": facts}, given.json)


if __name__ == "__main__":
    main()
