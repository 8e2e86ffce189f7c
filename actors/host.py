"""The shell around the machines: one `Host` runs many entities of one kind.

A host drains its inbox, runs the pure machine for every command, commits all effects in one
round trip, and only then answers, delivers and tells. There is no `await` between reading and
writing an entity's state: loading comes before the turn, everything else after it.

Hard state: what the journal holds. Soft state: everything in this file. A host that dies is
replaced by one with a higher epoch (`actors.keeper`); it loads the live entities, sends
unconfirmed tells again, and gateways attach again. A host that has been replaced finds out at its
next commit (`FencedError`), answers nobody and stops.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from actors.addresses import Address
from actors.codec import Batch, Refusal
from actors.config import OrgConfig
from actors.exits import deliver, note
from actors.gauges import Gauges
from actors.inbox import Inbox
from actors.loading import Loader
from actors.machine import Machine
from actors.messages import ConfigChanged, Envelope, GatewayGone, Tick
from actors.outlets import Outlet, Outlets
from actors.placement import Scope
from actors.ports import (
    ConfigSource,
    CustomerIndex,
    FencedError,
    HostGoneError,
    Journal,
    Metrics,
    Pulse,
)
from actors.roster import Roster
from actors.running import run_all
from actors.scoring import Carrier, ScoreSource
from actors.turn import SentTell, Turn

GATEWAY_SILENT_S = 8.0
"""A gateway says something every 2 s; one silent for this long is taken for dead."""
HOUSEKEEPING_S = 1.0
GAUGES_S = 5.0
TURN_COMMANDS = 500
"""Bounds a turn's length, and so how long a fresh command waits for the one before."""

log = structlog.get_logger()


class Outbound(Protocol):
    """Where committed tells go (`actors.peers`)."""

    def send(self, tells: Sequence[SentTell]) -> None: ...

    def notify(self, envelopes: Sequence[Envelope]) -> None: ...


class HostParts(msgspec.Struct, kw_only=True):
    """What a host is built from.

    `ready` waits until `new_id` may be called; `random` returns [0, 1); `close` releases the
    adapters; `inbox_limit` is in commands.
    """

    name: str
    scope: Scope
    epoch: int
    make: Callable[[Address, OrgConfig], Machine]
    journal: Journal
    configs: ConfigSource
    customers: CustomerIndex
    metrics: Metrics
    ready: Callable[[], Awaitable[None]]
    new_id: Callable[[], str]
    random: Callable[[], float]
    close: Callable[[], Awaitable[None]]
    clock: Callable[[], float] = time.time
    inbox_limit: int = 20_000
    scores: ScoreSource | None = None
    """The model that dispatch may ask; None: there is none."""


class _TurnContext:
    """See `actors.machine.Context`."""

    def __init__(self, now: float, new_id: Callable[[], str], random: Callable[[], float]) -> None:
        self.now = now
        self.new_id = new_id
        self.random = random


class Host:
    """See the module's docstring. One task runs the turns; every method may be called at any time
    from the same event loop."""

    def __init__(self, parts: HostParts, outbound: Callable[[Host], Outbound]) -> None:
        self.parts = parts
        self.fenced = False
        self._kind = parts.scope.kind
        self._roster = Roster()
        self._loader = Loader(parts.make, parts.journal, parts.configs, self._roster)
        self._outlets = Outlets()
        self._gauges = Gauges(self._kind, parts.metrics)
        self._inbox = Inbox(parts.inbox_limit)
        self._done: list[tuple[int, str]] = []
        self._tell_n = 0
        self._busy_at = parts.clock()
        self._housekeeping_at = 0.0
        self._gauges_at = 0.0
        self._outbound = outbound(self)
        self._tasks: list[asyncio.Task[None]] = []
        self._carrier = Carrier(parts.scores, self._inbox.post, parts.metrics)

    # --- life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Claim the scope, load what was live, send unconfirmed tells again, and run.

        Raises:
            FencedError: a newer host has the scope.
        """
        await self.parts.journal.claim()
        entities = await self._loader.load_live()
        pending = await self.parts.journal.pending_tells()
        self._outbound.send([SentTell(p, tell_id, envelope) for p, tell_id, envelope in pending])
        self._tasks = [
            asyncio.create_task(self._run(), name=f"{self.parts.name}.turns"),
            asyncio.create_task(
                self.parts.configs.watch(self._reconfigure), name=f"{self.parts.name}.configs"
            ),
        ]
        log.info("host.started", host=self.parts.name, entities=entities, tells=len(pending))

    async def stop(self) -> None:
        """End the tasks; nothing more is committed or delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._carrier.close()
        self._close()
        await self.parts.close()

    def ping(self) -> Pulse:
        """Return the host's pulse.

        Raises:
            HostGoneError: the turns have ended; the process is of no more use.
        """
        if self.fenced or any(task.done() for task in self._tasks):
            raise HostGoneError(self.parts.name)
        idle = 0.0 if len(self._roster) else self.parts.clock() - self._busy_at
        return Pulse(pid=os.getpid(), entities=len(self._roster), idle_s=idle)

    # --- what others call ------------------------------------------------------------------

    async def exchange(self, batch: Batch) -> bytes:
        """Take a gateway's commands; return, once they are committed, an encoded `Answer` with the
        frames that wait for this gateway.

        Raises:
            HostGoneError: this host is fenced, or the attachment is over.
        """
        outlet = self._attach(batch.gateway, batch.attach)
        if not await outlet.admit(batch.number):
            raise HostGoneError(f"{self.parts.name}: attachment {batch.attach} is over")
        taken = batch.envelopes[: self._inbox.free]
        refusals = [Refusal(i, "overloaded", 1.0) for i in range(len(taken), len(batch.envelopes))]
        if refusals:
            self.parts.metrics.add("overloads_total", len(refusals), self._kind)
        await self.tell(taken)
        if outlet.closed:
            raise HostGoneError(self.parts.name)
        return outlet.take(refusals)

    async def frames(self, gateway: str, attach: int) -> AsyncIterator[bytes]:
        """Yield encoded `Answer`s with the frames that no `exchange` has carried."""
        async for item in self._attach(gateway, attach).stream():
            yield item

    async def tell(self, envelopes: list[Envelope]) -> None:
        """Take another host's tells; return once they are committed.

        Raises:
            HostGoneError: this host is fenced.
        """
        if self.fenced:
            raise HostGoneError(self.parts.name)
        if envelopes:
            await self._inbox.put(envelopes).future

    def survey(self, org: str) -> list[dict[str, object]]:
        """Return the summaries of the organisation's entities in memory."""
        return [machine.summary() for machine in self._roster if machine.address.org == org]

    def confirm(self, done: Sequence[tuple[int, str]]) -> None:
        """The receivers have committed these tells: forget them with the next commit (a commit
        of its own only when nothing else happens for a second)."""
        self._done.extend(done)

    def _attach(self, gateway: str, attach: int) -> Outlet:
        if self.fenced:
            raise HostGoneError(self.parts.name)
        outlet, replaced = self._outlets.attach(gateway, attach, self.parts.clock())
        if outlet is None:
            raise HostGoneError(f"{self.parts.name}: attachment {attach} of {gateway} is over")
        if replaced:
            self._gateway_gone(gateway)
        return outlet

    def _reconfigure(self, config: OrgConfig) -> None:
        command = ConfigChanged(config=config)
        told = self._loader.reconfigure(config)
        self._inbox.post(Envelope(address, command) for address in told)

    def _gateway_gone(self, gateway: str) -> None:
        command = GatewayGone(gateway=gateway)
        told = [m.address for m in self._roster if gateway in m.gateways()]
        self._inbox.post(Envelope(address, command) for address in told)

    def _housekeep(self, now: float) -> None:
        if now - self._housekeeping_at >= HOUSEKEEPING_S:
            self._housekeeping_at = now
            for gateway in self._outlets.drop_silent(now - GATEWAY_SILENT_S):
                log.warning("gateway.gone", host=self.parts.name, gateway=gateway)
                self._gateway_gone(gateway)
            self.parts.metrics.flush()
        if now - self._gauges_at >= GAUGES_S:
            self._gauges_at = now
            self._gauges.set(self._roster, len(self._inbox))

    def _new_tell_id(self) -> str:
        self._tell_n += 1
        return f"{self.parts.epoch:010d}{self._tell_n:012d}"

    # --- turns -----------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while True:
                await self._sleep()
                now = self.parts.clock()
                self._housekeep(now)
                await self._turn(now)
        except FencedError:
            self.fenced = True
            log.warning("host.fenced", host=self.parts.name)
            self.parts.metrics.add("fenced_total", 1, self._kind)
        except Exception:
            log.exception("host.failed", host=self.parts.name)
        finally:
            self._close()

    def _close(self) -> None:
        """Nobody waits in vain: fail every open batch and end every stream."""
        self.fenced = True
        self._inbox.fail(HostGoneError(self.parts.name))
        self._outlets.close()

    async def _sleep(self) -> None:
        """Wait for a command, a deadline or housekeeping."""
        if self._inbox or self._loader.waiting:
            return
        alarm = self._roster.next_alarm()
        wait_s = HOUSEKEEPING_S if alarm is None else alarm - self.parts.clock()
        await self._inbox.wait(min(HOUSEKEEPING_S, wait_s))

    async def _turn(self, now: float) -> None:
        items = self._inbox.take(TURN_COMMANDS)
        ticks = [(Envelope(address, Tick()), None) for address in self._roster.due(now)]
        if not items and not ticks and not self._done and not self._loader.waiting:
            return
        await self._loader.load(envelope.to for envelope, _ in items)
        await self.parts.ready()
        started = time.perf_counter()
        turn = Turn(_TurnContext(now, self.parts.new_id, self.parts.random), self._new_tell_id)
        self._loader.adopt(turn)
        again = run_all(turn, self._roster, [*items, *ticks])
        await self._commit(turn)
        await self._let_out(turn)
        self._inbox.finish(again)
        # Exchanges answered just now take their frames along; the streams get what is left.
        asyncio.get_running_loop().call_soon(self._outlets.flush)
        if items or ticks:
            self._busy_at = now
        self.parts.metrics.add("turn_seconds", time.perf_counter() - started)

    async def _commit(self, turn: Turn) -> None:
        for machine in turn.touched.values():
            self._loader.note_liveness(turn, machine)
        changes, done = turn.changes(), self._done
        if not changes and not done:
            return
        self._done = []
        started = time.perf_counter()
        await self.parts.journal.commit(changes, done)
        metrics = self.parts.metrics
        metrics.add("commit_seconds", time.perf_counter() - started)
        metrics.add("commit_entities", len(changes))
        metrics.add("commits_total")

    async def _let_out(self, turn: Turn) -> None:
        """All is durable: deliver frames, send tells, note the rest, let the finished go."""
        if turn.defects:
            self.parts.metrics.add("defects_total", turn.defects, self._kind)
        await note(turn.noted, self.parts.metrics, self.parts.customers, self.parts.name)
        await deliver(turn, self._outlets, self.parts.journal)
        self._outbound.send(turn.tells())
        self._outbound.notify(turn.notifies)
        for address, ask in turn.asked:
            self._carrier.ask(address, ask.request)
        for machine in turn.touched.values():
            if machine.live():
                self._roster.schedule(machine)
            else:
                self._roster.drop(machine.address)
