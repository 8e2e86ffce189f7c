"""A gateway's way to the actors: per host one pipe of command batches and one stream of frames.

A batch forms by itself while the call before it is under way, so an idle system adds no delay and
a busy one pays a Ray call per batch, not per message. Frames come back with the answers; only
what no answer can carry comes by the stream.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import lru_cache
from itertools import count

import structlog

from actors.addresses import Address, Kind
from actors.codec import Answer, Batch, decode_answer, decode_summaries, encode
from actors.locator import Locator
from actors.messages import Envelope
from actors.placement import Placement
from actors.ports import Delivery, HostClient, HostGoneError, Metrics, Receiver

BATCH_N = 256
"""Commands in one call: with usual messages below the 100 KB that Ray moves in line."""
PENDING_N = 20_000
"""Commands waiting for one host; above it the sender is told `overloaded` (M10)."""
KEEPALIVE_S = 2.0
PACE_S = 0.01
"""Least time between the starts of two batches to one host. A batch costs over a millisecond of CPU
on the way, however small: without a pace, a half-busy system spends it all on small batches. After
a pause the first command leaves at once."""
DEPTH = 2
"""Batches under way at once: while the host commits one, the next one forms and travels."""

log = structlog.get_logger()
_attachments = count(int(time.time() * 1000))
"""Grows over the life of the gateway, also when a pipe is made anew for the same role."""


class Pipe:
    """Everything between this gateway and one host role, over replacements of the host."""

    def __init__(
        self, role: str, gateway: str, locator: Locator, receiver: Receiver, metrics: Metrics
    ) -> None:
        self.role = role
        self._gateway = gateway
        self._locator = locator
        self._receiver = receiver
        self._metrics = metrics
        self._pending: deque[Envelope] = deque()
        self._number = 0
        self._unanswered: dict[int, list[Envelope]] = {}
        self._next_at = 0.0
        self._wake = asyncio.Event()
        self._expected = 1
        self._early: dict[int, list[Delivery]] = {}
        self._task = asyncio.create_task(self._run(), name=f"pipe.{role}")

    def send(self, envelope: Envelope) -> None:
        """Queue a command."""
        if len(self._pending) >= PENDING_N:
            self._receiver.refused(envelope, "overloaded", 1.0)
            return
        self._pending.append(envelope)
        self._wake.set()

    @property
    def idle(self) -> bool:
        """True when nothing waits to be sent or answered."""
        return not self._pending and not any(self._unanswered.values())

    async def stop(self) -> None:
        """End the pipe and its stream."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        first = True
        while True:
            client = await self._locator.find(self.role)
            if not first:
                self._receiver.rehosted(self.role)
            first = False
            try:
                await self._serve(client, next(_attachments))
            except HostGoneError as error:
                log.info("host.lost", role=self.role, host=client.name, reason=str(error))
                await self._locator.report(self.role, client.name)
            except Exception:
                log.exception("pipe.failed", role=self.role)
                await asyncio.sleep(1.0)

    async def _serve(self, client: HostClient, attach: int) -> None:
        """Move commands and frames until the host is gone; what it did not answer is sent to its
        successor, in order."""
        self._number, self._expected = 0, 1
        self._early.clear()
        tasks = [asyncio.create_task(self._stream(client, attach))]
        for n in range(DEPTH):
            exchanges = self._exchanges(client, attach, KEEPALIVE_S if n == 0 else None)
            tasks.append(asyncio.create_task(exchanges))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise HostGoneError(f"{client.name} ended the stream")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            unanswered = [e for n in sorted(self._unanswered) for e in self._unanswered[n]]
            self._pending.extendleft(reversed(unanswered))
            self._unanswered.clear()

    async def _exchanges(self, client: HostClient, attach: int, keepalive_s: float | None) -> None:
        """Send batches as they form; with `keepalive_s`, an empty one when there is none."""
        while True:
            if not self._pending:
                self._wake.clear()
                try:
                    async with asyncio.timeout(keepalive_s):
                        await self._wake.wait()
                except TimeoutError:
                    await self._exchange(client, attach)
            await self._keep_pace()
            if self._pending:
                await self._exchange(client, attach)

    async def _keep_pace(self) -> None:
        now = time.monotonic()
        start_at = max(now, self._next_at)
        self._next_at = start_at + PACE_S
        if start_at > now:
            await asyncio.sleep(start_at - now)

    async def _exchange(self, client: HostClient, attach: int) -> None:
        n = min(BATCH_N, len(self._pending))
        envelopes = [self._pending.popleft() for _ in range(n)]
        self._number += 1
        number = self._number
        self._unanswered[number] = envelopes
        data = encode(Batch(self._gateway, attach, number, envelopes))
        started = time.perf_counter()
        answer = decode_answer(await self._locator.guard(client, client.exchange(data)))
        if envelopes:
            self._metrics.add("exchange_seconds", time.perf_counter() - started)
            self._metrics.add("batch_commands", n)
        del self._unanswered[number]
        for refusal in answer.refusals:
            self._receiver.refused(envelopes[refusal.index], refusal.code, refusal.retry_s)
        self._take(answer)

    async def _stream(self, client: HostClient, attach: int) -> None:
        async for item in client.frames(self._gateway, attach):
            self._take(decode_answer(item))

    def _take(self, answer: Answer) -> None:
        """Hand frames to the gateway in the host's order, whichever way they came."""
        if answer.number:
            self._early[answer.number] = answer.deliveries
        while (deliveries := self._early.pop(self._expected, None)) is not None:
            self._expected += 1
            self._receiver.deliver(deliveries)


class GatewayFabric:
    """All pipes of one gateway (implements `actors.ports.Fabric`).

    Args:
        gateway: this gateway's name, never used before.
    """

    def __init__(
        self, gateway: str, placement: Placement, locator: Locator, metrics: Metrics
    ) -> None:
        self.gateway = gateway
        self._locator = locator
        self._metrics = metrics
        self._placement = placement
        self._role = lru_cache(maxsize=50_000)(placement.role)
        self._pipes: dict[str, Pipe] = {}
        self._receiver: Receiver | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self, receiver: Receiver) -> None:
        """Begin; frames go to `receiver`."""
        self._receiver = receiver
        self._locator.listen(self._drop_retired)
        self._locator.start()

    async def stop(self) -> None:
        """End all pipes and streams."""
        await asyncio.gather(*(pipe.stop() for pipe in self._pipes.values()))
        self._pipes.clear()
        await self._locator.stop()

    def send(self, envelope: Envelope) -> None:
        """Queue a command for its entity's host."""
        role = self._role(envelope.to)
        pipe = self._pipes.get(role)
        if pipe is None:
            pipe = self._pipes[role] = self._open(role)
        pipe.send(envelope)

    def host_of(self, address: Address) -> str:
        """Return the entity's role."""
        return self._role(address)

    async def survey(self, kind: Kind, org: str) -> list[dict[str, object]]:
        """Return the summaries of all entities of a kind and organisation in memory."""
        rule = self._placement.rule(kind)
        prefix = f"{kind}/{org}/" if rule == "per-entity" else f"{kind}-"
        roles = [role for role in self._locator.hosts if role.startswith(prefix)]
        answers = await asyncio.gather(*(self._survey_one(role, org) for role in roles))
        return [summary for answer in answers for summary in answer]

    async def _survey_one(self, role: str, org: str) -> list[dict[str, object]]:
        client = await self._locator.find(role)
        try:
            return decode_summaries(await self._locator.guard(client, client.survey(org)))
        except HostGoneError:
            return []

    def _open(self, role: str) -> Pipe:
        if self._receiver is None:
            raise RuntimeError("start the fabric before sending")
        return Pipe(role, self.gateway, self._locator, self._receiver, self._metrics)

    def _drop_retired(self) -> None:
        """End the pipes of per-entity hosts that the keeper has retired."""
        for role in [r for r, p in self._pipes.items() if "/" in r and p.idle]:
            if role not in self._locator.hosts:
                task = asyncio.create_task(self._pipes.pop(role).stop())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
