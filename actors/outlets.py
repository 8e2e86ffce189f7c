"""A host's ways out to the gateways: numbered frames, by answer or by stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from actors.codec import Answer, Refusal, encode
from actors.ports import Delivery

ITEM_BYTES = 90_000
"""Ray moves a payload above 100 KB through its object store: stay below."""
PENDING_BYTES = 32 * 1024 * 1024
"""A gateway that has not taken this much is cut off; it attaches again and resumes (M10)."""


class Outlet:
    """Frames waiting for one gateway, under one attachment.

    Soft: after a crash the gateway attaches again and every socket resumes from its cursor.
    """

    def __init__(self, gateway: str, attach: int, now: float) -> None:
        self.gateway = gateway
        self.attach = attach
        self.seen_at = now
        self.closed = False
        self._pending: list[Delivery] = []
        self._bytes = 0
        self._number = 0
        self._wake = asyncio.Event()
        self._admitted = 0
        self._early: dict[int, asyncio.Future[None]] = {}

    async def admit(self, number: int) -> bool:
        """Return when every batch before this one was admitted; False: the attachment is over.
        The caller takes the batch in before it awaits anything else."""
        if number > self._admitted + 1 and not self.closed:
            waiting = self._early[number] = asyncio.get_running_loop().create_future()
            await waiting
            del self._early[number]
        self._admitted = number
        following = self._early.get(number + 1)
        if following is not None and not following.done():
            following.set_result(None)
        return not self.closed

    def add(self, delivery: Delivery) -> None:
        """Queue a frame; nothing leaves before `take` or `flush`."""
        self._pending.append(delivery)
        self._bytes += len(delivery.data) + 40
        if self._bytes > PENDING_BYTES:
            self.close()

    def flush(self) -> None:
        """Let the stream take what is pending."""
        if self._pending:
            self._wake.set()

    def take(self, refusals: list[Refusal]) -> bytes:
        """Return the next encoded `Answer`, with as many pending frames as one item may hold."""
        size, n = 0, 0
        for delivery in self._pending:
            size += len(delivery.data) + 40
            n += 1
            if size >= ITEM_BYTES:
                break
        taken, self._pending = self._pending[:n], self._pending[n:]
        self._bytes -= size
        if taken:
            self._number += 1
        return encode(Answer(self._number if taken else 0, taken, refusals))

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield encoded answers as frames come, until closed."""
        while not self.closed:
            await self._wake.wait()
            self._wake.clear()
            while self._pending and not self.closed:
                yield self.take([])

    def close(self) -> None:
        """Drop everything and end the stream."""
        self.closed = True
        self._pending.clear()
        self._bytes = 0
        self._wake.set()
        for future in self._early.values():
            if not future.done():
                future.set_result(None)


class Outlets:
    """All gateways attached to a host."""

    def __init__(self) -> None:
        self._by_gateway: dict[str, Outlet] = {}

    def attach(self, gateway: str, attach: int, now: float) -> tuple[Outlet | None, bool]:
        """Return the gateway's outlet and whether it is a new one that replaces an older.

        None: this attachment is over (a newer one exists, or it was cut off).
        """
        outlet = self._by_gateway.get(gateway)
        if outlet is None or attach > outlet.attach:
            if outlet is not None:
                outlet.close()
            fresh = Outlet(gateway, attach, now)
            self._by_gateway[gateway] = fresh
            return fresh, outlet is not None
        if attach < outlet.attach or outlet.closed:
            return None, False
        outlet.seen_at = now
        return outlet, False

    def get(self, gateway: str) -> Outlet | None:
        """Return the gateway's outlet if it is attached."""
        return self._by_gateway.get(gateway)

    def flush(self) -> None:
        """Let every stream take what is pending."""
        for outlet in self._by_gateway.values():
            outlet.flush()

    def close(self) -> None:
        """End every stream."""
        for outlet in self._by_gateway.values():
            outlet.close()

    def drop_silent(self, before: float) -> list[str]:
        """Close and forget the gateways not heard of since `before`, and those cut off."""
        gone = [o for o in self._by_gateway.values() if o.seen_at < before or o.closed]
        for outlet in gone:
            outlet.close()
            del self._by_gateway[outlet.gateway]
        return [outlet.gateway for outlet in gone]
