"""What the load generator needs of a chat system, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Literal, Protocol, TypeVar

Side = Literal[0, 1]
CUSTOMER: Side = 0
AGENT: Side = 1

T = TypeVar("T")


class Listener(Protocol):
    """Where a wire reports what came; called from the event loop, returns at once."""

    def acked(self, client_id: str, seq: int) -> None:
        """The message is durable."""
        ...

    def delivered(self, talk: int, side: Side, seq: int, client_id: str) -> None:
        """A message reached the device of `side` in a talk."""
        ...

    def refused(self, client_id: str, code: str) -> None:
        """The server said no."""
        ...


class Wire(Protocol):
    """Sockets of both sides of `talk_n` conversations, numbered from 0."""

    talk_n: int
    echoes: bool
    """Whether a sender's own device gets its messages too, in the one order of the session."""

    async def open(self, listener: Listener) -> None:
        """Connect everybody; return when every talk has both its sides."""
        ...

    def say(self, talk: int, side: Side, client_id: str, text: str) -> None:
        """Send one message. Never waits."""
        ...

    async def close(self) -> None:
        """End the sockets."""
        ...


async def gather_bounded(jobs: Iterable[Awaitable[T]], at_once: int = 50) -> list[T]:
    """Return the results in order, at most `at_once` of the jobs running at a time."""
    gate = asyncio.Semaphore(at_once)

    async def run(job: Awaitable[T]) -> T:
        async with gate:
            return await job

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(job)) for job in jobs]
    return [task.result() for task in tasks]
