"""A whole centre without any process: four kinds of machines on a network that only keeps its word.

Tells arrive at least once and in order per sender and receiver, but late, and again; any entity
may lose its memory, before or after the commit of a turn.
"""

from __future__ import annotations

from collections import deque

from actors.addresses import Address, Conn
from actors.config import OrgConfig
from actors.effects import Deliver, Effect, Notify, Record, Refuse, Tell
from actors.frames import AgentFrame, Detached
from actors.kinds import make
from actors.machine import Machine
from actors.messages import Command, ConfigChanged, Tick
from tests.support.machines import FakeContext, FakeStore

Lane = tuple[Address | None, Address]
DISPATCH = "main"


class Centre:
    """Machines by address, their stores, and the commands on their way."""

    def __init__(self, config: OrgConfig) -> None:
        self.config = config
        self.ctx = FakeContext()
        self.machines: dict[Address, Machine] = {}
        self.stores: dict[Address, FakeStore] = {}
        self.lanes: dict[Lane, deque[Command]] = {}
        self.refusals: list[Refuse] = []
        self.frames: dict[Conn, list[object]] = {}
        self.facts: list[Record] = []

    def address(self, kind: str, entity: str) -> Address:
        return Address(kind, self.config.org, entity)  # type: ignore[arg-type]

    def machine(self, kind: str, entity: str) -> Machine:
        """Return the machine, loaded if it is not in memory."""
        return self._loaded(self.address(kind, entity))

    def say(self, kind: str, entity: str, command: Command) -> None:
        """A person's command, or the host's: runs at once."""
        self._turn(self.address(kind, entity), [command])

    def deliver(self, lane: Lane, n: int = 1, *, again: bool = False, lost: bool = False) -> None:
        """Let the receiver run the next `n` commands in one turn. `again`: they come once more
        later. `lost`: the receiver loses its memory before the commit, so they come again."""
        waiting = self.lanes[lane]
        batch = [waiting[i] for i in range(min(n, len(waiting)))]
        self._turn(lane[1], batch, lost=lost)
        if not (again or lost):
            for _ in batch:
                waiting.popleft()
            if not waiting:
                self.lanes.pop(lane, None)

    def crash(self, address: Address) -> None:
        """The entity loses its memory and is loaded again at once."""
        self.machines.pop(address, None)
        self._loaded(address)

    def reconfigure(self, config: OrgConfig) -> None:
        """Every loaded entity hears of new settings, in its own time."""
        self.config = config
        for address in list(self.machines):
            self.lanes.setdefault((None, address), deque()).append(ConfigChanged(config=config))

    def tick(self) -> None:
        """Wake every machine whose deadline has come."""
        for address, machine in list(self.machines.items()):
            due = machine.deadline()
            if due is not None and due <= self.ctx.now:
                self._turn(address, [Tick()])

    def advance(self, seconds: float) -> None:
        """Move the clock in small steps."""
        until = self.ctx.now + seconds
        while self.ctx.now < until:
            self.ctx.now = min(until, self.ctx.now + 1.0)
            self.tick()

    def drain(self) -> None:
        """Deliver everything, until nothing is on its way."""
        for _ in range(20_000):
            if not self.lanes:
                return
            self.deliver(next(iter(self.lanes)), 100)
        raise AssertionError("the machines never stop talking")

    def _loaded(self, address: Address) -> Machine:
        machine = self.machines.get(address)
        if machine is None:
            store = self.stores.setdefault(address, FakeStore())
            machine = self.machines[address] = make(address, self.config)
            timeline = store.tracks["main"] + store.tracks["aside"]
            machine.restore(dict(store.records), timeline)
            if store.records or timeline:
                self._run(address, [*machine.recovered(self.ctx), *machine.settle(self.ctx)])
        return machine

    def _turn(self, address: Address, commands: list[Command], *, lost: bool = False) -> None:
        machine = self._loaded(address)
        effects: list[Effect] = []
        for command in commands:
            effects.extend(machine.handle(command, self.ctx))
        effects.extend(machine.settle(self.ctx))
        if lost:
            self.crash(address)
            return
        self._run(address, effects)
        if not machine.live():
            self.machines.pop(address, None)

    def _run(self, address: Address, effects: list[Effect]) -> None:
        for effect in effects:
            self.stores[address].apply(effect)
        for effect in effects:
            match effect:
                case Tell(to, command) | Notify(to, command):
                    self.lanes.setdefault((address, to), deque()).append(command)
                case Record():
                    self.facts.append(effect)
                case Refuse():
                    self.refusals.append(effect)
                case Deliver(conns, frame, _) if isinstance(frame, AgentFrame | Detached):
                    for conn in conns:
                        self.frames.setdefault(conn, []).append(frame)
                case _:
                    pass
