"""The simulator's third engine: the production dispatch and queue machines, under a virtual clock.

    python -m actors.rehearsal SCENARIO [--policy NAME] [--log FOLDER] [--json]

The centre (arrivals, patience, agents at work) is the Python engine's, to the last bit; what it
asks a policy, this one asks the machines that run live: a contact is an `Enqueue` to its queue's
machine, a match is the `Assign` that dispatch tells. So from the same dice it makes the visits that
the other engines make, or live routing does something else than its laboratory believes
(`tests/unit/actors/test_rehearsal.py`). It lives here because the machines do: `policies` may not
know them.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from pathlib import Path
from random import Random

import msgspec

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch
from actors.effects import Effect, Tell
from actors.machine import Machine
from actors.messages import (
    AgentChanged,
    Assign,
    Command,
    Contact,
    Customer,
    Enqueue,
    LeaveQueue,
    Release,
    Tick,
)
from actors.waiting import Queue
from policies import registry
from policies.decision_files import read
from policies.sim import Result, Scenario, read_scenario
from policies.sim.draws import Dice, logged_dice, throw_dice
from policies.sim.floors import empty_floor
from policies.sim.kernel.floor import ABANDONED, WAITING
from policies.sim.python_run import (
    _AGAIN,
    _ARRIVAL,
    _COMPLETION,
    _DEADLINE,
    _LOOK,
    _SHIFT,
    PythonRun,
    RowsUsedUp,
)
from policies.sim.simulation import Book, Replication, Setting
from policies.view import Match

ORG = "rehearsal"
NEVER = float("inf")
LONG_S = 1e9
"""No limit of a queue's: the scenario's own rules say who gives up, and when."""


class Clock:
    """The machines' context: virtual time, ids that count up, dice with a seed."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self._id = 0
        self._dice = Random(seed)

    def new_id(self) -> str:
        self._id += 1
        return str(self._id)

    def random(self) -> float:
        return self._dice.random()


class Machines:
    """One dispatch, a queue per type, and the commands between them; all arrive at once."""

    def __init__(self, config: OrgConfig, seed: int) -> None:
        self.clock = Clock(seed)
        self._dispatch = Address("dispatch", ORG, "main")
        self._all: dict[Address, Machine] = {self._dispatch: Dispatch(self._dispatch, config)}
        for queue in config.queues:
            address = Address("queue", ORG, queue)
            self._all[address] = Queue(address, config)
        for machine in self._all.values():
            machine.restore({}, [])
        self._inbox: dict[Address, deque[Command]] = {to: deque() for to in self._all}
        self.assigned: list[tuple[str, Assign]] = []

    def tell(self, kind: str, entity: str, command: Command) -> None:
        """Put a command into a machine's inbox."""
        self._inbox[Address(kind, ORG, entity)].append(command)  # type: ignore[arg-type]

    def due_at(self) -> float:
        """Return when the first machine wants its `Tick`."""
        due = (machine.deadline() for machine in self._all.values())
        return min((at for at in due if at is not None), default=NEVER)

    def run(self, now: float) -> None:
        """Run turns until nothing is left to do at `now`: queues first, for dispatch to see all of
        an instant in one turn."""
        self.clock.now = now
        for address, waker in self._all.items():
            due = waker.deadline()
            if due is not None and due <= now:
                self._inbox[address].append(Tick())
        while (to := self._next()) is not None:
            commands, self._inbox[to] = self._inbox[to], deque()
            machine = self._all[to]
            effects: list[Effect] = []
            for command in commands:
                effects += machine.handle(command, self.clock)
            effects += machine.settle(self.clock)
            self._deliver(effects)
            due = machine.deadline()
            if due is not None and due <= now and to == self._dispatch:
                self._inbox[to].append(Tick())

    def _next(self) -> Address | None:
        waiting = [to for to, inbox in self._inbox.items() if inbox]
        return next((to for to in waiting if to.kind == "queue"), waiting[0] if waiting else None)

    def _deliver(self, effects: list[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Tell):
                continue
            if isinstance(effect.command, Assign):
                self.assigned.append((effect.to.id, effect.command))
            elif effect.to in self._inbox:
                self._inbox[effect.to].append(effect.command)


class LiveRun(PythonRun):
    """One replication, decided by the production machines."""

    def __init__(self, setting: Setting, dice: Dice, policy: str) -> None:
        made = registry.make(registry.FALLBACK)  # never asked: dispatch has the policy
        super().__init__(setting.centre, setting.names, dice, made)
        config = config_of(setting, policy)
        self.machines = Machines(config, int(dice.policy_seed) & 0xFFFFFFFF)
        self._told: dict[str, tuple[int, str]] = {}
        """Agent -> version and status that dispatch knows."""
        self._types = list(setting.scenario.types)
        for desk in self.desks:
            self._tell_status(desk.view.id, desk.view.status)

    def run(self) -> None:
        """See `PythonRun.run`."""
        handlers = {
            _ARRIVAL: self._next_arrival,
            _COMPLETION: self._complete,
            _SHIFT: self._change_shift,
            _DEADLINE: self._lose_patience,
            _AGAIN: self._try_again,
        }
        while True:
            at, which = min(one for one in self._instants() if one[1] != _LOOK)
            due = self.machines.due_at()
            if at == NEVER and (due == NEVER or not len(self.waits) or due > self._give_up_at):
                return
            tick = due < at
            self.waited_s += len(self.waits) * ((due if tick else at) - self.now)
            self.now = due if tick else at
            self.events_n += 1
            if not tick:
                handlers[which]()
            self._settle()

    def _settle(self) -> None:
        """Let the machines act, and the assigned agents begin."""
        self.machines.run(self.now)
        assigned, self.machines.assigned = self.machines.assigned, []
        for session, assign in assigned:
            self._begin(Match(session, assign.agent))

    def _enqueue(self, visit: int) -> None:
        super()._enqueue(visit)
        kind = self._types[int(self._v.type[visit])]
        contact = Contact(
            session=f"{visit:09d}",
            episode=1,
            queue=kind,
            customer=Customer(id=f"{visit:09d}"),
            arrived_at=float(self._v.aged[visit]),
        )
        self.machines.tell("queue", kind, Enqueue(contact=contact))

    def _lose_patience(self) -> None:
        visit = self._deadlines[0][1]
        waited = self._fate[visit]["outcome"] == WAITING
        super()._lose_patience()
        if waited and self._fate[visit]["outcome"] == ABANDONED:
            kind = self._types[int(self._v.type[visit])]
            self.machines.tell(
                "queue", kind, LeaveQueue(session=f"{visit:09d}", episode=1, abandoned=True)
            )

    def _complete(self) -> None:
        desk = self.desks[self._completions[0][1]]
        before = {held.visit for held in desk.held}
        super()._complete()
        for visit in before - {held.visit for held in desk.held}:
            release = Release(session=f"{visit:09d}", episode=1, agent=desk.view.id)
            self.machines.tell("dispatch", "main", release)

    def _change_shift(self) -> None:
        super()._change_shift()
        for desk in self.desks:
            self._tell_status(desk.view.id, desk.view.status)

    def _tell_status(self, agent: str, status: str) -> None:
        version, known = self._told.get(agent, (0, ""))
        if status == known:
            return
        self._told[agent] = (version + 1, status)
        changed = AgentChanged(agent=agent, status=status, since=self.now, version=version + 1)
        self.machines.tell("dispatch", "main", changed)


def config_of(setting: Setting, policy: str) -> OrgConfig:
    """Return the settings of a centre whose rules are the scenario's."""
    queues = {
        demand.queue: QueueConfig(
            id=demand.queue,
            name=demand.queue,
            needs=dict(demand.needs),
            units=demand.units,
            priority_points=setting.names.queues[demand.queue].priority_points,
            policy=policy,
            accept="auto",
            limit=1_000_000_000,
            timeout_s=LONG_S,
            sticky_wait_s=0.0,
        )
        for demand in setting.names.demands
    }
    agents = {
        desk.view.id: AgentConfig(
            id=desk.view.id,
            name=desk.view.id,
            groups=sorted(desk.view.groups),
            skills=dict(desk.view.skills),
            capacity=desk.view.capacity,
        )
        for desk in setting.names.desks(setting.centre)
    }
    return OrgConfig(
        org=ORG,
        version=1,
        entry_queue=next(iter(queues)),
        queues=queues,
        agents=agents,
        log_people_per_s=0.0,
    )


def replicate_live(setting: Setting, policy: str, dice: Dice) -> Replication:
    """Run one replication on these dice.

    Raises:
        RowsUsedUp: try again with more spare rows.
    """
    run = LiveRun(setting, dice, policy)
    run.run()
    agents = empty_floor(setting.centre, dice).agents
    for desk in run.desks:
        agents[desk.number]["busy"], agents[desk.number]["load"] = desk.busy_s, desk.load_s
    return Replication(dice.visits, run.visits_n, agents, run.events_n, dice.reserve.seed)


def rehearse(
    scenario: Scenario,
    policy: str | None = None,
    *,
    replications: int | None = None,
    seed: int | None = None,
    log: Path | None = None,
) -> Result:
    """Return what the scenario's centre does when the production machines decide.

    Args:
        log: a folder of the decision log: its contacts arrive, each at its time, in place of drawn
            ones (once: patience and work are still drawn, by `seed` and replication).

    Raises:
        DecisionLogError: the log cannot be used, or has no contact of the scenario's types.
    """
    chosen = scenario.policy if policy is None else policy
    runs = scenario.replications if replications is None else replications
    first = scenario.seed if seed is None else seed
    setting, book = Setting.of(scenario), Book(scenario, runs, keep_waits=False)
    arrivals = None if log is None else arrivals_of(log)
    for number in range(runs):
        book.enter(setting.centre, number, _one(setting, chosen, first, number, arrivals))
    return book.result(chosen, "live")


Arrivals = list[tuple[float, str]]
"""(seconds since the first, queue)."""


def arrivals_of(log: Path) -> Arrivals:
    """Return who asked for help in a log, each contact once, by time.

    Raises:
        DecisionLogError: see `policies.decision_files.read`.
    """
    contacts = {row.contact.session: row.contact for row in read(log)}
    times = sorted((contact.arrived_at, contact.queue) for contact in contacts.values())
    return [(at - times[0][0], queue) for at, queue in times]


def _one(
    setting: Setting, policy: str, seed: int, number: int, arrivals: Arrivals | None
) -> Replication:
    spare = 0.5
    while True:
        if arrivals is None:
            dice = throw_dice(setting.scenario, setting.plan, seed, number, spare)
        else:
            dice = logged_dice(setting.scenario, arrivals, seed, number, spare)
        try:
            return replicate_live(setting, policy, dice)
        except RowsUsedUp:
            spare *= 2.0


def main() -> None:
    """Rehearse a scenario, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m actors.rehearsal", description=__doc__)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--policy")
    parser.add_argument("--log", type=Path, help="arrivals from this folder of the decision log")
    parser.add_argument("--replications", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = rehearse(
        read_scenario(given.scenario),
        given.policy,
        replications=given.replications,
        seed=given.seed,
        log=given.log,
    )
    measures = {name: found.measure(name) for name in SHOWN}
    if given.json:
        data = {name: {"value": m.value, "se": m.se} for name, m in measures.items()}
        sys.stdout.write(msgspec.json.encode({"policy": found.policy, **data}).decode() + "\n")
        return
    for name, measure in measures.items():
        sys.stdout.write(f"{name:15} {measure.value:.6g} (se {measure.se:.2g})\n")


SHOWN = ("waited", "mean_wait_s", "abandoned", "service_level", "in_system_s")

if __name__ == "__main__":
    main()
