"""A host's way to other hosts: committed tells, at least once, in order per receiving host."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from actors.codec import encode
from actors.locator import Locator
from actors.messages import Envelope
from actors.placement import Placement
from actors.ports import HostGoneError
from actors.turn import SentTell

BATCH_N = 256
LINGER_S = 60.0
"""A lane without traffic for this long ends; the next tell makes a new one."""

log = structlog.get_logger()


class Lane:
    """Everything on its way to one host role: one batch under way at a time."""

    def __init__(
        self, role: str, locator: Locator, confirm: Callable[[Sequence[tuple[int, str]]], None]
    ) -> None:
        self._role = role
        self._locator = locator
        self._confirm = confirm
        self._pending: deque[tuple[Envelope, tuple[int, str] | None]] = deque()
        self._wake = asyncio.Event()
        self.task = asyncio.create_task(self._run(), name=f"lane.{role}")

    def put(self, envelope: Envelope, done: tuple[int, str] | None) -> None:
        """Add a tell; `done` is confirmed once the receiver has committed it."""
        self._pending.append((envelope, done))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if not self._pending:
                try:
                    async with asyncio.timeout(LINGER_S):
                        await self._wake.wait()
                except TimeoutError:
                    return
            n = min(BATCH_N, len(self._pending))
            batch = [self._pending.popleft() for _ in range(n)]
            await self._send(encode([envelope for envelope, _ in batch]))
            self._confirm([done for _, done in batch if done is not None])

    async def _send(self, data: bytes) -> None:
        """Send until some host of the role has committed it."""
        while True:
            client = await self._locator.find(self._role)
            try:
                await self._locator.guard(client, client.tell(data))
            except HostGoneError as error:
                log.info("host.lost", role=self._role, host=client.name, reason=str(error))
                await self._locator.report(self._role, client.name)
            else:
                return


class Peers:
    """The lanes of one host (implements `actors.host.Outbound`)."""

    def __init__(
        self,
        placement: Placement,
        locator: Locator,
        confirm: Callable[[Sequence[tuple[int, str]]], None],
    ) -> None:
        self._placement = placement
        self._locator = locator
        self._confirm = confirm
        self._lanes: dict[str, Lane] = {}

    def send(self, tells: Sequence[SentTell]) -> None:
        """Send committed tells."""
        for tell in tells:
            self._lane(tell.envelope).put(tell.envelope, (tell.partition, tell.id))

    def notify(self, envelopes: Sequence[Envelope]) -> None:
        """Send what may be lost with this process."""
        for envelope in envelopes:
            self._lane(envelope).put(envelope, None)

    async def stop(self) -> None:
        """End all lanes; what is unconfirmed is sent again by the host's successor."""
        tasks = [lane.task for lane in self._lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, envelope: Envelope) -> Lane:
        role = self._placement.role(envelope.to)
        lane = self._lanes.get(role)
        if lane is None or lane.task.done():
            lane = self._lanes[role] = Lane(role, self._locator, self._confirm)
        return lane
