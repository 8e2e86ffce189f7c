"""Both placements side by side: what a process per entity costs, what shards cost.

    python -m benchmarks.placement --markdown docs/placement.md

Each placement gets a system of its own: seconds until it serves, memory at rest, memory with the
sessions open, seconds to open them, and chat at full speed. `--markdown` writes the page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.children import run_fresh
from benchmarks.contest import OURS, Contestant
from benchmarks.idle import NOT_OURS
from benchmarks.loader import Loader, Plan
from benchmarks.processes import Census, Usage
from benchmarks.system import running_system

PER_ENTITY = "per-entity"
PLACEMENTS: dict[str, dict[str, str]] = {
    "shards for all": dict.fromkeys(("session", "agent", "queue", "dispatch"), "1"),
    "the default": {"session": "1", "agent": "1", "queue": PER_ENTITY, "dispatch": PER_ENTITY},
    "a process per entity": dict.fromkeys(("session", "agent", "queue", "dispatch"), PER_ENTITY),
}
WINDOW = 4


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--sessions", type=int, default=20, help="each may become a process")
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--only", choices=PLACEMENTS, help="measure one, without a page")
    parser.add_argument("--markdown", type=Path, help="write the table as a page")
    return parser.parse_args(arguments)


def measure(name: str, placement: Mapping[str, str], given: argparse.Namespace) -> dict[str, Any]:
    """Run one placement; return its numbers."""
    begun = time.perf_counter()
    with running_system(place=placement) as system:
        start_s = time.perf_counter() - begun
        census = Census(system.known)
        at_rest = census.memory()
        org = f"place{int(time.time())}"
        capacity = -(-given.sessions // given.agents)
        customers, staff = system.enrol(org, given.sessions, given.agents, capacity)
        plan = Plan(
            wire="raydesk",
            urls=[system.url],
            talks=given.sessions,
            agents=given.agents,
            prefix=org,
            customer_tokens=customers,
            agent_tokens=staff,
        )
        loader = Loader(plan)
        census.known[loader.pid] = "loader"
        contestant = Contestant(OURS, [loader], census, lambda role: role != "peer")
        try:
            open_s = contestant.open()
            contestant.warm_up(WINDOW)
            chat = contestant.full_speed(given.seconds, WINDOW)
            in_use = census.memory()
        finally:
            contestant.close()
    return {
        "placement": name,
        "start_s": round(start_s, 1),
        "actor_processes": in_use.get("shard", Usage()).processes,
        "memory_at_rest_mb": ours_mb(at_rest),
        "memory_in_use_mb": ours_mb(in_use),
        "open_s": round(open_s, 1),
        "messages_per_s": chat.messages_per_s,
        "ack_p50_ms": chat.ack_ms["p50"],
        "ack_p99_ms": chat.ack_ms["p99"],
        "lost": chat.lost + chat.unanswered,
    }


def ours_mb(memory: Mapping[str, Usage]) -> float:
    """Return the memory of all our processes."""
    kb = sum(usage.pss_kb for role, usage in memory.items() if role not in NOT_OURS)
    return round(kb / 1024, 1)


def page(rows: Sequence[Mapping[str, Any]], given: argparse.Namespace, facts: Any) -> str:
    """Return the page of `docs/`."""
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in rows]
    table = "\n".join(lines)
    return f"""# Placement: what a process per entity costs

An actor lives in a process of its own (`per-entity`) or in one of N shards that host many entities
of its kind; `RAYDESK_PLACE_SESSION`, `_AGENT`, `_QUEUE` and `_DISPATCH` choose, one code path runs
both (`actors/placement.py`). Measured by `python -m benchmarks.placement --markdown` with
{given.sessions} sessions and {given.agents} agents, {WINDOW} messages under way in each session, on
{facts["cores"]} cores that the load generator shares (Python {facts["python"]},
Ray {facts["ray"]}, {facts["busy_cores"]} cores busy with other work at the start):

{table}

- `start_s`: until the system serves. `open_s`: until all sessions are open and assigned; a process
  per session costs its start here.
- Memory is PSS (common pages are shared out) of gateway, actors, Ray, Serve, HAProxy and Valkey.
- Choose `per-entity` for what is few and long-lived and should fail alone (queues, dispatch),
  shards for what is many (sessions, agents). A shard commits many entities in one round trip; a
  process per session commits each alone.
"""


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    rows = []
    if given.only:
        report.write(measure(given.only, PLACEMENTS[given.only], given), given.json)
        return
    for name in PLACEMENTS:
        names = ("sessions", "agents", "seconds")
        same = [f"--{option}={getattr(given, option)}" for option in names]
        rows.append(run_fresh("benchmarks.placement", [f"--only={name}", *same]))
        report.say(report.table(rows[-1:]))
    if given.markdown is not None:
        given.markdown.write_text(page(rows, given, facts), encoding="utf-8")
    report.write({"benchmark": "placement", "placements": rows, "machine": facts}, given.json)


if __name__ == "__main__":
    main()
