"""Kill one real process under load (kill -9): what was lost, and when does everything flow again?

    python -m benchmarks.faults --kill session-shard

Sessions talk all the time and new contacts keep arriving; one process of the wanted part is killed
in the middle. `recovered_s` is the time from the kill until a message said after it has reached the
other side in every session, and every contact that arrived in the first second is assigned. At the
end fresh devices read every session from the start, and must see every acked message.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec

from actors.frames import Event, Message
from benchmarks import report
from benchmarks.children import run_fresh
from benchmarks.kills import PARTS, find, kill
from benchmarks.nodes import spread
from benchmarks.organisation import agent_id
from benchmarks.people import People, Talk
from benchmarks.processes import Census
from benchmarks.system import System, running_system
from benchmarks.texts import load_texts
from benchmarks.wires import gather_bounded
from serve.client import ClientEvent, CustomerClient

CAPACITY = 5
NODES_N = 2
"""Worker nodes beside the head, and gateways, when one of the nodes is to be killed."""
SHOWN = (
    "kill",
    "recovered_s",
    "sent",
    "acked",
    "lost",
    "duplicated",
    "out_of_order",
    "missing_in_history",
    "double_assigned",
    "over_capacity",
    "never_recovered",
)
STRIKE_S = 10.0
"""Longest time to find the process to kill."""
SETTLED_S = 30.0
"""Longest wait for the last answers and copies."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--kill", choices=PARTS, action="append", required=True)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--say-every", type=float, default=0.25, help="seconds, per session")
    parser.add_argument("--arrive-every", type=float, default=0.2, help="seconds between contacts")
    parser.add_argument("--gateways", type=int, default=0, help="0: as many as the options say")
    parser.add_argument("--before", type=float, default=5.0, help="seconds of load before the kill")
    parser.add_argument("--after", type=float, default=15.0, help="seconds of load after the kill")
    return parser.parse_args(arguments)


class Trial:
    """One kill."""

    def __init__(
        self,
        given: argparse.Namespace,
        part: Any,
        system: System,
        strike: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._given = given
        self._part = part
        self._system = system
        self._strike = strike or self._kill
        self._spread: list[int] = []
        self._org = f"fault{time.time_ns()}"
        arrivals = int((given.before + given.after + STRIKE_S) / given.arrive_every) + 1
        # Long talks fill half of the slots, so that contacts that come and go find one.
        self._agent_n = max(2, -(-2 * given.sessions // CAPACITY))
        self._people = People(system.url, CAPACITY)
        self._customers, self._staff = system.enrol(
            self._org, given.sessions + arrivals, self._agent_n, CAPACITY
        )
        self._unused: Iterator[str] = iter(self._customers)
        self._texts = load_texts(None)
        self._dice = random.Random(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: list[Talk] = []
        self._stopped = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        """Load, kill, load on, judge."""
        given, people = self._given, self._people
        await people.hire({agent_id(self._org, n): t for n, t in enumerate(self._staff)})
        talks = await gather_bounded(
            people.arrive(next(self._unused)) for _ in range(given.sessions)
        )
        await self._all_assigned(talks)
        for talk in talks:
            self._spawn(self._keep_talking(talk))
        self._spawn(self._keep_arriving())
        await asyncio.sleep(given.before)
        await self._strike(self._org)
        killed_at = time.perf_counter()
        await asyncio.sleep(given.after)
        self._stopped.set()
        await asyncio.gather(*self._tasks)
        await self._settle()
        histories = await gather_bounded(self._read_again(talk) for talk in people.talks)
        await people.leave()
        return self._judge(talks, killed_at, sum(histories))

    async def _all_assigned(self, talks: list[Talk]) -> None:
        """Wait until every long talk has its agent: before, the organisation's actors may not even
        have started."""
        deadline = time.perf_counter() + SETTLED_S
        while not all(talk.assigned_at for talk in talks) and time.perf_counter() < deadline:  # noqa: ASYNC110  # as in _visit
            await asyncio.sleep(0.05)

    async def _kill(self, org: str) -> None:
        self._spread = spread()
        kill(await find(self._part, self._system.redis_url, org, Census(self._system.known)))

    def _spawn(self, job: Any) -> None:
        self._tasks.add(asyncio.create_task(job))

    async def _pause(self, seconds: float) -> bool:
        """Wait; return False once the load is to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return True
        return False

    async def _keep_talking(self, talk: Talk) -> None:
        await self._pause(self._dice.random() * self._given.say_every)  # people do not keep step
        while await self._pause(self._given.say_every):
            if not talk.closed:
                self._people.say(talk, self._texts[talk.turn % len(self._texts)])

    async def _keep_arriving(self) -> None:
        while await self._pause(self._given.arrive_every):
            self._spawn(self._visit(next(self._unused)))

    async def _visit(self, token: str) -> None:
        """A short contact: arrive, be assigned, say something, leave."""
        talk = await self._people.arrive(token)
        self._late.append(talk)
        deadline = time.perf_counter() + SETTLED_S
        while not talk.assigned_at and time.perf_counter() < deadline:  # noqa: ASYNC110  # an event per contact would say no more
            await asyncio.sleep(0.05)
        self._people.say(talk, self._texts[0])
        await talk.customer.end()

    async def _settle(self) -> None:
        """Wait for the answers and copies that are still to come, at most SETTLED_S."""
        deadline = time.perf_counter() + SETTLED_S
        while time.perf_counter() < deadline:
            if not self._people.under_way and not self._people.checker.owed():
                return
            await asyncio.sleep(0.1)

    async def _read_again(self, talk: Talk) -> int:
        """Read the session on a device that has nothing yet; return whether it stayed silent."""
        seqs: list[int] = []
        done = asyncio.Event()

        def saw(event: ClientEvent) -> None:
            if isinstance(event, Message | Event) and event.session == talk.customer.session:
                seqs.append(event.seq)
                if event.seq >= talk.last_seq:
                    done.set()

        if talk.closed:
            return 0  # no longer the customer's current session: a new device is not shown it
        number = talk.number
        async with CustomerClient(self._system.url, self._customers[number], on_event=saw):
            try:
                async with asyncio.timeout(SETTLED_S):
                    await done.wait()
            except TimeoutError:
                return 1
        self._people.checker.history(talk.customer.session, seqs)
        return 0

    def _judge(self, talks: list[Talk], killed_at: float, silent: int) -> dict[str, Any]:
        people = self._people
        verdict = people.checker.report()
        back = [first_after(talk, killed_at) for talk in talks]
        early = [t for t in self._late if killed_at <= t.begun_at <= killed_at + 1.0]
        served = [talk.assigned_at - killed_at if talk.assigned_at else None for talk in early]
        waits = [wait for wait in (*back, *served) if wait is not None]
        return {
            "kill": self._part,
            "recovered_s": round(max(waits), 2) if len(waits) == len(back) + len(served) else None,
            "messages_recovered_s": round(max((w for w in back if w is not None), default=0), 2),
            "assignments_recovered_s": round(max((w for w in served if w), default=0), 2),
            "never_recovered": len(back) + len(served) - len(waits),
            **msgspec.to_builtins(verdict),
            "over_capacity": people.over_capacity,
            "unread_histories": silent,
            "unanswered": people.under_way,
            "losses": people.checker.losses(),
            "refused": dict(people.trouble),
            "contacts": len(people.talks),
            "processes_by_node": self._spread,
        }


def first_after(talk: Talk, instant: float) -> float | None:
    """Return when the first message said after `instant` reached the other side, in seconds from
    it; None if none did."""
    arrived = [at for said, at in talk.flowed if said > instant]
    return min(arrived) - instant if arrived else None


def try_one(given: argparse.Namespace, part: Any) -> dict[str, Any]:
    """Run one trial on a system of its own; return its result."""
    nodes = NODES_N if part == "worker-node" else 0
    gateways = given.gateways or nodes
    with running_system(given.url, gateways=gateways, worker_nodes=nodes) as system:
        result = asyncio.run(Trial(given, part, system).run())
    report.say(report.table([{name: result[name] for name in SHOWN}]))
    return result


def try_each(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Run one trial per part, each in a process of its own."""
    names = ("sessions", "say_every", "arrive_every", "before", "after", "gateways", "url")
    same = [f"--{name.replace('_', '-')}={getattr(given, name)}" for name in names]
    return [run_fresh("benchmarks.faults", ["--kill", part, *same]) for part in given.kill]


def main() -> None:
    """Run, and report."""
    given = options()
    facts = report.machine_facts()
    alone = len(given.kill) == 1
    results = [try_one(given, given.kill[0])] if alone else try_each(given)
    report.write(
        {"benchmark": "faults", **results[0], "trials": results, "machine": facts}, given.json
    )


if __name__ == "__main__":
    main()
