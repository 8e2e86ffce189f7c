"""The other sides of a dispatch actor, as one light process: queue, agents and sessions that answer
at once, so that only the real dispatch host is measured.

`CounterpartKeeper` is the real keeper, with a spawner that starts real hosts for dispatch only.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import ray

from actors.addresses import Address
from actors.building import Builder
from actors.codec import decode_envelopes, encode
from actors.keeper import Keeper
from actors.locator import Locator
from actors.messages import (
    AgentChanged,
    Assign,
    Command,
    Contact,
    ContactWaiting,
    Customer,
    Envelope,
    Release,
)
from actors.on_ray import (
    CONCURRENCY,
    KEEPER,
    NAMESPACE,
    KeeperActor,
    RayKeeper,
    RaySpawner,
    connect,
)
from actors.ports import HostClient, HostGoneError, Pulse
from benchmarks.histogram import Histogram
from benchmarks.organisation import QUEUE, agent_id

BATCH_N = 256


class Tally(msgspec.Struct, kw_only=True):
    """What the counterpart has seen. `doubles`: contacts given to a second agent.
    `decisions`: seconds from a slot's release to its next assignment, `Histogram.counts`."""

    assigned: int
    doubles: int
    over_capacity: int
    seconds: float
    decisions: dict[int, int]


class Counterpart:
    """Plays every queue, agent and session of one organisation (has the methods of `RayHost`)."""

    def __init__(self, org: str, agents: int, capacity: int) -> None:
        self._org = org
        self._agents = agents
        self._capacity = capacity
        self._dispatch = Address("dispatch", org, "main")
        self._queue = Address("queue", org, QUEUE)
        self._out: deque[Envelope] = deque()
        self._wake = asyncio.Event()
        self._locator: Locator | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._contact_n = 0
        self._held: dict[str, tuple[str, int]] = {}
        self._load: dict[str, int] = {}
        self._releases_at: deque[float] = deque()
        self._assigned = self._doubles = self._over = 0
        self._first_at = self._last_at = 0.0
        self._decisions = Histogram()
        self._instant = True

    # --- what the benchmark asks ---------------------------------------------------------------

    async def open(self) -> None:
        """Find the dispatch host, and tell it that all agents are available."""
        self._locator = Locator(RayKeeper(), connect)
        self._locator.start()
        self._tasks.append(asyncio.create_task(self._send()))
        now = time.time()
        for number in range(self._agents):
            agent = agent_id(self._org, number)
            changed = AgentChanged(agent=agent, status="available", since=now, version=1)
            self._put(Address("agent", self._org, agent), changed)

    async def line_up(self, contacts: int, *, instant: bool) -> None:
        """Put contacts in line. `instant`: each assigned one ends at once, so slots never lack."""
        self._reset()
        self._instant = instant
        self._first_at = time.perf_counter()
        for _ in range(contacts):
            self._arrive()

    async def replace(self, rate: float, seconds: float) -> None:
        """End `rate` contacts a second, one new arriving for each, and time how fast the freed
        slot is given away: a decision with everybody waiting."""
        self._reset()
        begun = time.perf_counter()
        for index in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + index / rate - time.perf_counter()))
            self._arrive()
            session = next(iter(self._held))
            self._releases_at.append(time.perf_counter())
            self._release(session)

    async def tally(self) -> Tally:
        """Return what has been seen since the last phase began."""
        return Tally(
            assigned=self._assigned,
            doubles=self._doubles,
            over_capacity=self._over,
            seconds=self._last_at - self._first_at,
            decisions=dict(self._decisions.counts),
        )

    # --- what the dispatch host tells ----------------------------------------------------------

    async def tell(self, batch: bytes) -> None:
        """Take the dispatch host's tells as queue, agent or session would."""
        for envelope in decode_envelopes(batch):
            if isinstance(envelope.command, Assign):
                self._assign(envelope.to.id, envelope.command)

    async def start(self) -> None:
        """Nothing to load."""

    async def frames(self, gateway: str, attach: int) -> AsyncIterator[bytes]:
        """No gateway ever comes."""
        raise HostGoneError(f"{gateway} {attach}")
        yield b""

    async def survey(self, org: str) -> bytes:
        del org
        return encode([])

    async def ping(self) -> Pulse:
        return Pulse(pid=os.getpid(), entities=1, idle_s=0.0)

    # --- in detail -----------------------------------------------------------------------------

    def _reset(self) -> None:
        self._assigned = 0
        self._decisions = Histogram()
        self._releases_at.clear()

    def _arrive(self) -> None:
        self._contact_n += 1
        now = time.time()
        session = f"{self._org}s{self._contact_n}"
        customer = Customer(id=f"c{self._contact_n}")
        contact = Contact(
            session=session, episode=1, queue=QUEUE, customer=customer, arrived_at=now
        )
        self._put(self._queue, ContactWaiting(contact=contact, virtual_at=now))

    def _assign(self, session: str, assign: Assign) -> None:
        now = self._last_at = time.perf_counter()
        held = self._held.get(session)
        if held is not None:
            self._doubles += held[0] != assign.agent
            return
        self._held[session] = (assign.agent, assign.episode)
        self._load[assign.agent] = load = self._load.get(assign.agent, 0) + 1
        self._over += load > self._capacity
        self._assigned += 1
        if self._releases_at:
            self._decisions.add(now - self._releases_at.popleft())
        if self._instant:
            self._release(session)

    def _release(self, session: str) -> None:
        agent, episode = self._held.pop(session)
        self._load[agent] -= 1
        release = Release(session=session, episode=episode, agent=agent)
        self._put(Address("session", self._org, session), release)

    def _put(self, sender: Address, command: Command) -> None:
        self._out.append(Envelope(self._dispatch, command, sender))
        self._wake.set()

    async def _send(self) -> None:
        assert self._locator is not None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._out:
                n = min(BATCH_N, len(self._out))
                batch = [self._out.popleft() for _ in range(n)]
                host = await self._locator.find(str(self._dispatch))
                await host.tell(encode(batch))


class CounterpartSpawner(RaySpawner):
    """Starts real hosts for dispatch, and the counterpart for every other role.

    All that matters reaches the role of the sessions; those of queues and agents just listen.
    """

    def __init__(self, builder: Builder, org: str, agents: int, capacity: int) -> None:
        super().__init__(builder)
        self._whole = (org, agents, capacity)

    async def spawn(self, role: str, name: str, epoch: int) -> HostClient:
        if role.startswith("dispatch"):
            return await super().spawn(role, name, epoch)
        actor: Any = ray.remote(Counterpart).options(
            lifetime="detached",
            name=name,
            namespace=NAMESPACE,
            num_cpus=0,
            max_concurrency=CONCURRENCY,
        )
        handle = actor.remote(*self._whole)
        await handle.start.remote()
        return await connect(name)


class CounterpartKeeper(KeeperActor):
    """The real keeper with another spawner."""

    def __init__(self, builder: Builder, org: str, agents: int, capacity: int) -> None:
        super().__init__(builder)
        self._whole = (org, agents, capacity)

    async def _start(self) -> Keeper:
        builder = self._builder
        spawner = CounterpartSpawner(builder, *self._whole)
        registry, metrics = await builder.registry(), builder.metrics(KEEPER)
        keeper = Keeper(builder.placement, spawner, registry, metrics, builder.timings)
        await keeper.start()
        return keeper


def start_keeper(builder: Builder, org: str, agents: int, capacity: int) -> Any:
    """Start the keeper, and with it the counterpart; return the keeper's handle."""
    actor: Any = ray.remote(CounterpartKeeper).options(
        name=KEEPER, namespace=NAMESPACE, num_cpus=0, max_concurrency=CONCURRENCY
    )
    keeper = actor.remote(builder, org, agents, capacity)
    ray.get(keeper.watch.remote(-1), timeout=60)
    return keeper
