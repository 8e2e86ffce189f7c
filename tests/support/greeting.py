"""The demo's bot, once it knows what people often ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.frames import Message
from serve.client import CustomerClient
from tests.support.real import Desk, Seen


def says(piece: str, after: int = 0) -> Callable[[Message], bool]:
    """Fit a message of the bot that holds the piece."""
    return lambda m: m.seq > after and m.from_.kind == "bot" and piece in (m.body.text or "")


async def greeted(desk: Desk) -> tuple[CustomerClient, Seen]:
    """Return a customer whom the bot has greeted with what people often ask: where the machine is
    busy, the first sessions may come before the bot has learned anything."""
    hot = {"怎么申请退款？", "How do I get a refund?", "转人工"}
    async with asyncio.timeout(60):
        while True:
            customer, saw = await desk.customer()
            await customer.start()
            hello = await saw.first(Message, says("智能助手"))
            assert "转人工" in hello.body.buttons
            if hot <= set(hello.body.buttons):
                return customer, saw
            await customer.end()
