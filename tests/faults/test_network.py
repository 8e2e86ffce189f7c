"""Faults of networks and clients: a lost ack, a reader that does not read, a thousand at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Self
from urllib.parse import urlsplit

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from actors.frames import AgentFrame, Event, Message
from benchmarks.descriptors import allow_many_connections
from examples.signing_in import Api
from serve.client import CustomerClient, Reset
from tests.support.actor_system import until
from tests.support.real import WITHIN_S, Real
from tests.support.shops import DESK, Shop, new_shop
from tests.support.weak_line import WeakLine

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

AUTO = {"desk": {**DESK, "accept": "auto", "abandon_after_s": 5}}
LONG = "很长的话" * 2500
"""30 KB: the longest text in Chinese."""
FLOOD_N = 700
"""20 MB: more than all kernel buffers on the way may hold, and the megabyte of the gateway."""
RACING_N = 1000


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    made = new_shop(real)
    yield made
    await made.close()


class SilentSocket:
    """A customer's socket that is read only when the test asks for it."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        raw.connect((parts.hostname, parts.port))
        self._opening = connect(
            url, sock=raw, compression=None, max_queue=1, ping_interval=None, max_size=None
        )
        self._token = token

    async def __aenter__(self) -> Self:
        self._socket = await self._opening
        await self._socket.send(msgspec.json.encode({"t": "hello", "token": self._token}).decode())
        await self._socket.recv()
        return self

    async def read_to_the_end(self) -> tuple[int, int | None]:
        """Return how many long messages still came, and the close code, if there was one."""
        got = 0
        try:
            while True:
                got += LONG[:100] in str(await self._socket.recv())
        except ConnectionClosed as closed:
            return got, closed.rcvd.code if closed.rcvd else None

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()


async def test_a_message_whose_ack_was_lost_is_sent_again_and_is_one_message(shop: Shop) -> None:
    """M2: the line goes mute, the message becomes durable, the line is cut; the client repeats it
    over a new connection."""
    await shop.declare(queues=AUTO, agents={"ann": {"name": "Ann"}})
    ann, ann_saw = await shop.agent("ann")
    async with WeakLine(shop.real.ws_url) as line:
        client, seen, session = await shop.served("c1", ann, ann_saw, url=line.url)
        line.mute()
        waiting = client.say("pay 100")
        durable = await ann_saw.first(Message, lambda m: m.session == session)
        assert not waiting.done()
        line.cut()
        ack = await asyncio.wait_for(waiting, WITHIN_S)
        assert ack.seq == durable.seq
        assert client.counts.resent == 1
        await ann.say(session, "done")
        await seen.first(Message, lambda m: bool(m.body) and m.body.text == "done")
        said = [(m.seq, m.body.text) for m in ann_saw.all(Message) if m.body]
        assert said == [(ack.seq, "pay 100"), (ack.seq + 1, "done")]


async def test_a_reader_that_does_not_read_is_cut_off_and_costs_nobody_else(shop: Shop) -> None:
    """M10: a bounded amount is kept for it, and it is closed. It missed more than a socket is told
    again (500 frames): an explicit reset points to the history page."""
    await shop.declare(queues=AUTO, agents={"ann": {"name": "Ann"}})
    ann, ann_saw = await shop.agent("ann")
    slow, _, session = await shop.served("slow", ann, ann_saw)
    await slow.close()
    other, other_saw, beside = await shop.served("other", ann, ann_saw)
    async with SilentSocket(shop.real.ws_url, shop.visitor_token("slow")) as stuck:
        flood = [ann.say(session, f"{number} {LONG[:9900]}") for number in range(FLOOD_N)]
        for number in range(10):
            await other.say(f"still served {number}")
            await ann.say(beside, f"yes {number}")
        await other_saw.first(Message, lambda m: bool(m.body) and m.body.text == "yes 9")
        acks = await asyncio.wait_for(asyncio.gather(*flood), WITHIN_S)
        got, code = await asyncio.wait_for(stuck.read_to_the_end(), WITHIN_S)
        assert code in (None, 1013)
        assert got < FLOOD_N
    back, back_saw = await shop.customer("slow")
    reset = await back_saw.first(Reset)
    await back_saw.first(Message, lambda m: m.seq == acks[-1].seq)
    told = [e.seq for e in back_saw.events if isinstance(e, Message | Event)]
    assert told == list(range(reset.from_seq + 1, acks[-1].seq + 1))
    api = Api(shop.real.http_url)
    history = await api.history_seqs(session, shop.visitor_token("slow"))
    await api.close()
    assert history == list(range(1, acks[-1].seq + 1))
    await back.end()


async def test_a_thousand_who_race_for_one_slot_get_it_one_at_a_time(shop: Shop) -> None:
    """R1: never two in the slot, and whoever leaves makes room for exactly one."""
    allow_many_connections()
    await shop.declare(queues=AUTO, agents={"ann": {"name": "Ann", "capacity": 1}})
    served: list[str] = []

    def note(event: object) -> None:
        if isinstance(event, Event) and event.kind == "assigned":
            served.append(event.session)

    tokens = [shop.visitor_token(f"c{number}") for number in range(RACING_N)]
    racing = [CustomerClient(shop.real.ws_url, t, on_event=note, proxy=None) for t in tokens]
    gate = asyncio.Semaphore(50)

    async def open_one(client: CustomerClient) -> None:
        async with gate:
            await client.connect(WITHIN_S)

    try:
        await asyncio.gather(*map(open_one, racing))
        _, ann_saw = await shop.agent("ann")
        await asyncio.gather(*(client.start() for client in racing))
        by_session = {client.session: client for client in racing}
        assert len(by_session) == RACING_N
        for turn in range(1, 11):
            await until(lambda n=turn: len(served) == n)
            await by_session[served[-1]].end()
        await until(lambda: len(served) == 11)
        held = [set(frame.sessions) for frame in ann_saw.all(AgentFrame)]
        assert max(len(sessions) for sessions in held) == 1
        assert len(set(served)) == len(served)
    finally:
        await asyncio.gather(*(client.close() for client in racing))
