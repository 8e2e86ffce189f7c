"""Conversations at full speed or at a held rate, counted on both sides.

A closed loop sends the next message when the last one has arrived: it finds the most a system can
do, but its latencies hide every moment in which nothing was sent because nothing was answered
("coordinated omission", G. Tene, How NOT to Measure Latency, 2013). So promises about latency are
measured by the open loop: send times are fixed before, and each message is timed from the moment at
which it should have been sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from benchmarks.checker import Checker
from benchmarks.histogram import Histogram
from benchmarks.schedule import paced, poisson
from benchmarks.wires import AGENT, CUSTOMER, Side, Wire

SILENCE_S = 5.0
"""When nothing has arrived for this long after the last send, what is missing is missing."""


_RECEIVERS = ("customer", "agent")


class Phase(msgspec.Struct, kw_only=True):
    """What one phase counted. `ack` and `deliver` are `Histogram.counts`."""

    seconds: float
    sent: int
    acked: int
    delivered: int
    done_in_time: int
    """Acked and delivered before the clock ran out."""
    lost: int
    """Acked, but never seen by the other side."""
    unanswered: int
    """Neither acked nor refused."""
    duplicated: int
    out_of_order: int
    refused: dict[str, int]
    ack: dict[int, int]
    deliver: dict[int, int]


class _Pending:
    """One message on its way."""

    __slots__ = ("acked", "at", "delivered", "side", "talk")

    def __init__(self, talk: int, side: Side, at: float) -> None:
        self.talk = talk
        self.side = side
        self.at = at
        self.acked = False
        self.delivered = False


class Load:
    """Drives the talks of one wire; one phase at a time. Implements `Listener`."""

    def __init__(self, wire: Wire, texts: list[str], name: str, seed: int = 1) -> None:
        self._wire = wire
        self._texts = texts
        self._name = name
        self._rng = random.Random(seed)
        self._number = 0
        self._checker = Checker()
        self._before = self._checker.report()
        self._expect()
        self._turn: list[Side] = [CUSTOMER] * wire.talk_n
        self._pending: dict[str, _Pending] = {}
        self._moved = 0.0
        self._ends_at = 0.0
        self._chains = False
        self._reset()

    async def closed(self, seconds: float, window: int) -> Phase:
        """Keep `window` messages of every talk on their way for `seconds`, then wait for all."""
        self._reset()
        begun = time.perf_counter()
        self._ends_at, self._chains = begun + seconds, True
        for talk in range(self._wire.talk_n):
            for _ in range(window):
                self._send(talk, begun)
        await asyncio.sleep(seconds)
        self._chains = False
        await self._drain()
        return self._result(seconds)

    async def open(self, seconds: float, rate: float, *, even: bool = False) -> Phase:
        """Send `rate` messages a second over all talks, come what may; wait for the last."""
        self._reset()
        times = paced(rate) if even else poisson(rate, self._rng)
        begun = time.perf_counter()
        self._ends_at = begun + seconds
        for talk, due in self._due(times, begun, seconds):
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            elif self._number % 64 == 0:
                await asyncio.sleep(0)  # behind schedule: still read what has arrived
            self._send(talk, due)
        await self._drain()
        return self._result(seconds)

    def acked(self, client_id: str, seq: int) -> None:
        self._moved = now = time.perf_counter()
        pending = self._pending.get(client_id)
        if pending is None or pending.acked:
            return
        pending.acked = True
        self._acked += 1
        self._checker.acked(self._stream(pending.talk, 1 - pending.side), seq, now - pending.at)
        self._finish(client_id, pending, now)

    def delivered(self, talk: int, side: Side, seq: int, client_id: str) -> None:
        self._moved = now = time.perf_counter()
        pending = self._pending.get(client_id)
        receiver, stream = _RECEIVERS[side], self._stream(talk, side)
        if pending is None or pending.delivered or pending.side == side:
            # The sender's own copy, or one copy too many: the checker knows by the seq.
            self._checker.delivered(receiver, stream, seq)
            return
        self._checker.delivered(receiver, stream, seq, now - pending.at)
        pending.delivered = True
        self._delivered += 1
        self._finish(client_id, pending, now)

    def refused(self, client_id: str, code: str) -> None:
        self._moved = now = time.perf_counter()
        self._refused[code] += 1
        pending = self._pending.pop(client_id, None)
        if pending is not None and self._chains:
            self._send(pending.talk, now)

    def _stream(self, talk: int, side: int) -> str:
        """Return the name of what one checker session covers: a talk where everyone gets
        everything; one direction of it where a sender does not get its own messages."""
        return str(talk) if self._wire.echoes else f"{talk}>{side}"

    def _expect(self) -> None:
        for talk in range(self._wire.talk_n):
            for side in (CUSTOMER, AGENT):
                self._checker.expect(_RECEIVERS[side], self._stream(talk, side))

    def _due(
        self, times: Iterator[float], begun: float, seconds: float
    ) -> Iterator[tuple[int, float]]:
        for index, at in enumerate(times):
            if at >= seconds:
                return
            yield index % self._wire.talk_n, begun + at

    def _send(self, talk: int, at: float) -> None:
        self._number += 1
        self._sent += 1
        self._checker.sent()
        side = self._turn[talk]
        self._turn[talk] = 0 if side else 1
        client_id = f"{self._name}{self._number}"
        self._pending[client_id] = _Pending(talk, side, at)
        self._wire.say(talk, side, client_id, self._texts[self._number % len(self._texts)])

    def _finish(self, client_id: str, pending: _Pending, now: float) -> None:
        if not (pending.acked and pending.delivered):
            return
        del self._pending[client_id]
        if now < self._ends_at:
            self._done_in_time += 1
            if self._chains:
                self._send(pending.talk, now)

    async def _drain(self) -> None:
        self._moved = time.perf_counter()
        while self._is_owed() and time.perf_counter() - self._moved < SILENCE_S:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # no event says that nothing more comes

    def _is_owed(self) -> bool:
        """Tell whether an answer, or a copy at any receiver, is still to come."""
        return bool(self._pending) or self._checker.owed() > 0

    def _reset(self) -> None:
        self._pending.clear()
        self._sent = self._acked = self._delivered = self._done_in_time = 0
        self._refused: Counter[str] = Counter()
        self._before = self._checker.report()
        self._checker.ack, self._checker.deliver = Histogram(), Histogram()

    def _result(self, seconds: float) -> Phase:
        now, before = self._checker.report(), self._before
        return Phase(
            seconds=seconds,
            sent=self._sent,
            acked=self._acked,
            delivered=self._delivered,
            done_in_time=self._done_in_time,
            lost=now.lost - before.lost,
            unanswered=sum(1 for pending in self._pending.values() if not pending.acked),
            duplicated=now.duplicated - before.duplicated,
            out_of_order=now.out_of_order - before.out_of_order,
            refused=dict(self._refused),
            ack=dict(self._checker.ack.counts),
            deliver=dict(self._checker.deliver.counts),
        )
