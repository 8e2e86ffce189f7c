"""How many durable chat messages a second, how late, at what CPU; beside other chat servers.

    python -m benchmarks.chat --seconds 15 --sessions 200
    python -m benchmarks.chat --peer python-socketio --peer socket.io

Every message is on disk before it is acked (AOF always), and counts only when it was acked and
reached the other side. First the most the system can do (closed loop), then latency at half of that
(open loop, timed from the moment each message was due). With `--peer`, the peers do the same
durable work in the same Valkey and take turns with Raydesk; `--peers-only` leaves Raydesk out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import report
from benchmarks.contest import OURS, Contestant, alternate, totals
from benchmarks.loader import Loader, Plan
from benchmarks.peers.running import PEERS, PeerName, running_peer
from benchmarks.processes import Census
from benchmarks.system import System, running_system
from infra.valkey import ValkeyServer

PEER_ROLES = frozenset({"peer", "valkey", "loader"})


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=15.0, help="of full speed, and of --rate")
    parser.add_argument("--sessions", type=sizes, default=[200], help="one number, or 50,200,500")
    parser.add_argument("--agents", type=int, default=0, help="default: one for five sessions")
    parser.add_argument("--window", type=int, default=2, help="messages under way per session")
    parser.add_argument("--rate", type=float, default=0.0, help="hold this rate, messages/s")
    parser.add_argument("--even", action="store_true", help="even send times, not Poisson's")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each contestant gets")
    parser.add_argument("--loaders", type=int, default=1, help="load generator processes")
    parser.add_argument("--receipts", type=float, default=0.0, help="send ours every so many s")
    parser.add_argument("--data", default="", help="sentences: .jsonl dialogues, .csv or .txt")
    parser.add_argument("--peer", action="append", choices=PEERS, default=[], help="repeatable")
    parser.add_argument("--peer-workers", type=int, default=1, help="processes of each peer")
    parser.add_argument("--peers-only", action="store_true", help="leave Raydesk out")
    parser.add_argument("--one-process", action="store_true", help="Raydesk without Ray")
    return parser.parse_args(arguments)


def sizes(text: str) -> list[int]:
    """Return `50,200` as numbers."""
    return [int(part) for part in text.split(",")]


class Arena:
    """Everything that runs for the length of the program; ends with its `ExitStack`."""

    def __init__(self, given: argparse.Namespace, stack: ExitStack) -> None:
        self.given = given
        self.census = Census()
        self._stack = stack
        self._opened = 0
        self._peers: dict[PeerName, list[str]] = {}
        self._system = None if given.peers_only else self._start_system()
        self._store = self._system.redis_url if self._system else self._private_store()
        for name in given.peer:
            self._start_peer(name)

    def contestants(self, sessions: int) -> list[Contestant]:
        """Connect fresh loaders to every system."""
        made = [self._ours(self._system, sessions)] if self._system else []
        made += [self._peer(name, sessions) for name in self._peers]
        for contestant in made:
            open_s = contestant.open()
            report.say(f"{contestant.name}: {sessions} sessions open after {open_s:.1f} s")
        return made

    def _private_store(self) -> str:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        server = self._stack.enter_context(ValkeyServer(folder, supervise=False))
        self.census.known[server.pid] = "valkey"
        return server.url

    def _start_system(self) -> System:
        system = self._stack.enter_context(
            running_system(self.given.url, one_process=self.given.one_process)
        )
        self.census.known |= system.known
        return system

    def _start_peer(self, name: PeerName) -> None:
        running = running_peer(name, self._store, self.given.peer_workers)
        processes = self._stack.enter_context(running)
        self.census.known |= dict.fromkeys((process.pid for process in processes), "peer")
        self._peers[name] = [process.url for process in processes]

    def _ours(self, system: System, sessions: int) -> Contestant:
        self._opened += 1
        made = f"bench{int(time.time())}x{self._opened}"
        plans = []
        for number, talks in enumerate(shares(sessions, self.given.loaders)):
            # An organisation per loader: its customers are served by its agents only.
            org, agents = f"{made}x{number}", self.agents(talks)
            customers, staff = system.enrol(org, talks, agents, capacity=-(-talks // agents))
            plans.append(
                Plan(
                    wire="raydesk",
                    urls=[system.url],
                    talks=talks,
                    agents=agents,
                    prefix=org,
                    data=self.given.data,
                    customer_tokens=customers,
                    agent_tokens=staff,
                    receipt_s=self.given.receipts,
                )
            )
        return Contestant(OURS, self.loaders(plans), self.census, lambda role: role != "peer")

    def _peer(self, name: PeerName, sessions: int) -> Contestant:
        self._opened += 1
        plans = [
            Plan(
                wire="socket.io",
                urls=self._peers[name],
                talks=share,
                agents=self.agents(share),
                prefix=f"{self._opened}.{number}",
                data=self.given.data,
            )
            for number, share in enumerate(shares(sessions, self.given.loaders))
        ]
        return Contestant(name, self.loaders(plans), self.census, PEER_ROLES.__contains__)

    def loaders(self, plans: Sequence[Plan]) -> list[Loader]:
        """Start the load generators of one contestant."""
        loaders = [Loader(plan) for plan in plans]
        self.census.known |= dict.fromkeys((loader.pid for loader in loaders), "loader")
        return loaders

    def agents(self, sessions: int) -> int:
        """Return how many agents serve that many sessions."""
        wanted: int = self.given.agents
        return wanted or max(1, sessions // 5)


def shares(whole: int, n: int) -> list[int]:
    """Return `whole` dealt over `n`, as evenly as can be."""
    return [whole // n + (index < whole % n) for index in range(n)]


def run_size(arena: Arena, sessions: int) -> dict[str, Any]:
    """Measure every contestant with that many sessions; return the results by name."""
    given = arena.given
    contestants = arena.contestants(sessions)
    try:
        if given.rate:
            for contestant in contestants:
                contestant.warm_up(given.window)
                contestant.held_rate(given.seconds, given.rate, even=given.even)
        else:
            alternate(contestants, given.rounds, given.seconds, given.window)
            for contestant in contestants:
                half = max(1.0, contestant.best_rate() / 2)
                contestant.held_rate(max(5.0, given.seconds / 2), half, even=given.even)
    finally:
        for contestant in contestants:
            contestant.close()
    return {contestant.name: summary(contestant) for contestant in contestants}


def summary(contestant: Contestant) -> dict[str, Any]:
    """Return one contestant's numbers: of the median full-speed round, and at the held rate."""
    fast = [phase for phase in contestant.phases if phase.mode == "full speed"]
    held = [phase for phase in contestant.phases if phase.mode == "held rate"]
    fast.sort(key=lambda phase: phase.messages_per_s)
    shown = fast[len(fast) // 2] if fast else held[-1]
    return {
        **msgspec.to_builtins(shown),
        **totals(contestant.phases),
        "rounds": [phase.messages_per_s for phase in fast],
        "half_load": msgspec.to_builtins(held[-1]) if fast and held else None,
    }


def ratios(by_name: dict[str, Any]) -> dict[str, float]:
    """Return our messages a second over each peer's."""
    if OURS not in by_name:
        return {}
    ours = by_name[OURS]["messages_per_s"]
    return {
        name: round(ours / numbers["messages_per_s"], 3)
        for name, numbers in by_name.items()
        if name != OURS and numbers["messages_per_s"]
    }


def rows(sessions: int, by_name: dict[str, Any]) -> list[dict[str, report.Cell]]:
    """Return the lines of the table."""
    return [
        {
            "who": name,
            "sessions": sessions,
            "messages/s": numbers["messages_per_s"],
            "half: /s": (half := numbers["half_load"] or numbers)["messages_per_s"],
            "ack p50": half["ack_ms"]["p50"],
            "ack p99": half["ack_ms"]["p99"],
            "deliver p50": half["deliver_ms"]["p50"],
            "deliver p99": half["deliver_ms"]["p99"],
            **{name: numbers[name] for name in totals([])},
            "CPU us/message": " ".join(
                f"{k}={v}" for k, v in numbers["cpu_us_per_message"].items()
            ),
        }
        for name, numbers in by_name.items()
    ]


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    runs = []
    with ExitStack() as stack:
        arena = Arena(given, stack)
        for sessions in given.sessions:
            by_name = run_size(arena, sessions)
            runs.append({"sessions": sessions, "ratio": ratios(by_name), "systems": by_name})
            report.say(report.table(rows(sessions, by_name)))
    first = runs[0]
    report.write(
        {
            "benchmark": "chat",
            **next(iter(first["systems"].values())),
            "ratio": first["ratio"],
            "runs": runs,
            "options": {k: str(v) for k, v in vars(given).items()},
            "machine": facts,
        },
        given.json,
    )


if __name__ == "__main__":
    main()
