"""How fast the pure dispatch machine decides: no network, no store, one process.

    python -m benchmarks.dispatch_machine --agents 1000 --waiting 10000 --json FILE

Two parts. `burst`: everybody is free, and the machine gives contacts away until all capacity is
taken. `steady`: everybody is busy; every turn one contact ends and a new one arrives, so every
round finds one agent for one of `--waiting` contacts. CPU seconds include every command that an
assignment costs the machine (status, waiting, offer, answer, release).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch
from actors.effects import Effect, Tell
from actors.messages import (
    AgentChanged,
    Assign,
    Command,
    Contact,
    ContactWaiting,
    Customer,
    OfferAnswered,
    OfferMade,
    Release,
)

SKILLS = tuple(f"skill{n}" for n in range(8))
CAPACITY = 5


class Clock:
    """The machine's context: a clock that the program moves, ids that count up."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self._id = 10**17
        self._dice = random.Random(1)

    def new_id(self) -> str:
        self._id += 1
        return str(self._id)

    def random(self) -> float:
        return self._dice.random()


class Bench:
    """A dispatch machine, and what its neighbours would send back."""

    def __init__(self, agents: int, policy: str, accept: str, log_per_s: float) -> None:
        dice = random.Random(7)
        queues = {
            f"q{n}": QueueConfig(id=f"q{n}", name=f"q{n}", policy=policy, accept=accept)
            for n in range(8)
        }
        staff = {
            f"a{n}": AgentConfig(
                id=f"a{n}",
                name=f"a{n}",
                capacity=CAPACITY,
                skills=dict.fromkeys(dice.sample(SKILLS, 4), 3),
            )
            for n in range(agents)
        }
        config = OrgConfig(
            org="bench",
            version=1,
            entry_queue="q0",
            queues=queues,
            agents=staff,
            log_people_per_s=log_per_s,
        )
        self.dice, self.clock = dice, Clock()
        self.machine = Dispatch(Address("dispatch", "bench", "main"), config)
        self.machine.restore({}, [])
        self.assigned: list[tuple[str, Assign]] = []
        self.assigned_n = 0
        self.turns_s: list[float] = []
        self._sessions = 0

    def turn(self, *commands: Command) -> None:
        """Run one turn, and the turns that agents' answers to its offers need."""
        pending = list(commands)
        while True:
            started = time.perf_counter()
            effects: list[Effect] = []
            for command in pending:
                effects += self.machine.handle(command, self.clock)
            effects += self.machine.settle(self.clock)
            self.turns_s.append(time.perf_counter() - started)
            pending = self._answers(effects)
            if not pending and self.machine.deadline() != self.clock.now:
                return

    def arrival(self) -> Command:
        """Return a new contact, waiting."""
        self._sessions += 1
        now = self.clock.now
        needs = {self.dice.choice(SKILLS): 2} if self.dice.random() < 0.5 else {}
        contact = Contact(
            session=str(self._sessions),
            episode=1,
            queue=f"q{self.dice.randrange(8)}",
            customer=Customer(id=str(self._sessions)),
            needs=needs,
            arrived_at=now,
        )
        return ContactWaiting(contact=contact, virtual_at=now)

    def release(self) -> Command:
        """Return the end of a random assignment."""
        at = self.dice.randrange(len(self.assigned))
        self.assigned[at], self.assigned[-1] = self.assigned[-1], self.assigned[at]
        session, assign = self.assigned.pop()
        return Release(session=session, episode=assign.episode, agent=assign.agent)

    def _answers(self, effects: list[Effect]) -> list[Command]:
        answers: list[Command] = []
        for effect in effects:
            if not isinstance(effect, Tell):
                continue
            command = effect.command
            if isinstance(command, Assign):
                self.assigned.append((effect.to.id, command))
                self.assigned_n += 1
            elif isinstance(command, OfferMade) and not command.auto:
                agent = effect.to.id
                answers.append(OfferAnswered(agent=agent, offer=command.offer, accept=True))
        return answers


def measure(
    agents: int, waiting: int, turns: int, policy: str, accept: str, *, log_per_s: float
) -> dict[str, object]:
    """Return the figures of both parts."""
    bench = Bench(agents, policy, accept, log_per_s)
    bench.turn(*[bench.arrival() for _ in range(waiting + agents * CAPACITY)])
    for number in range(agents):
        now = bench.clock.now
        changed = AgentChanged(agent=f"a{number}", status="available", since=now, version=1)
        bench.machine.handle(changed, bench.clock)
    started = time.process_time()
    bench.turn()
    burst_s, burst_n = time.process_time() - started, bench.assigned_n
    bench.turns_s.clear()
    started = time.process_time()
    for _ in range(turns):
        bench.clock.now += 0.001
        bench.turn(bench.release(), bench.arrival())
    steady_s, steady_n = time.process_time() - started, bench.assigned_n - burst_n
    ordered = sorted(bench.turns_s)
    return {
        "policy": policy,
        "accept": accept,
        "agents": agents,
        "waiting": bench.machine.summary()["waiting"],
        "burst_assignments": burst_n,
        "burst_per_cpu_s": round(burst_n / burst_s),
        "steady_assignments": steady_n,
        "steady_per_cpu_s": round(steady_n / steady_s),
        "turn_us": {
            "p50": round(ordered[len(ordered) // 2] * 1e6, 1),
            "p99": round(ordered[len(ordered) * 99 // 100] * 1e6, 1),
        },
    }


def main() -> None:
    """Measure every base policy with both kinds of acceptance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=5_000)
    parser.add_argument(
        "--log", type=float, default=10_000.0, help="people a second in whole rows; 0: no log"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = [
        measure(args.agents, args.waiting, args.turns, policy, accept, log_per_s=args.log)
        for policy in ("longest_idle", "least_busy", "random_eligible")
        for accept in ("auto", "manual")
    ]
    for result in results:
        print(json.dumps(result))
    if args.json:
        args.json.write_text(json.dumps({"program": "dispatch_machine", "results": results}))


if __name__ == "__main__":
    main()
