"""A host's inbox: commands in order, and the batches that wait for them to be committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from actors.messages import Envelope


class Ticket:
    """A batch, answered when the last of its commands is committed."""

    __slots__ = ("future", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def count_down(self) -> None:
        """One command of the batch is committed."""
        self.left -= 1
        if self.left <= 0 and not self.future.done():
            self.future.set_result(None)

    def fail(self, error: Exception) -> None:
        """The batch will never be committed here."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # seen: nobody may be waiting any more


Item = tuple[Envelope, Ticket | None]


class Inbox:
    """Bounded for gateways by `free`; another host has one batch of tells here at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[Item] = deque()
        self._taken: list[Item] = []
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def free(self) -> int:
        """How many commands of gateways still fit."""
        return max(0, self._limit - len(self._items))

    def put(self, envelopes: Sequence[Envelope]) -> Ticket:
        """Add a batch; its ticket's future ends when all of it is committed."""
        ticket = Ticket(len(envelopes))
        self._items.extend((envelope, ticket) for envelope in envelopes)
        self._wake.set()
        return ticket

    def post(self, envelopes: Iterable[Envelope]) -> None:
        """Add commands that nobody waits for."""
        self._items.extend((envelope, None) for envelope in envelopes)
        self._wake.set()

    async def wait(self, most_s: float) -> None:
        """Wait for a command or `most_s` seconds."""
        self._wake.clear()
        if self._items or most_s <= 0:
            return
        try:
            async with asyncio.timeout(most_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def take(self, most_n: int) -> list[Item]:
        """Take out the next commands; `finish` answers them."""
        n = min(most_n, len(self._items))
        self._taken = [self._items.popleft() for _ in range(n)]
        return self._taken

    def finish(self, again: Sequence[Item]) -> None:
        """The taken commands are committed, but for those of `again`: they come next."""
        skipped = {id(item) for item in again}
        for item in self._taken:
            if id(item) not in skipped and item[1] is not None:
                item[1].count_down()
        self._items.extendleft(reversed(again))
        self._taken = []

    def fail(self, error: Exception) -> None:
        """Answer every open batch with the error and drop everything."""
        for _, ticket in [*self._taken, *self._items]:
            if ticket is not None:
                ticket.fail(error)
        self._taken = []
        self._items.clear()
