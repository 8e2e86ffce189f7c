"""Lines that break: the client reconnects by itself and goes on where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from actors.frames import Event, Message
from serve.client import Connected
from tests.support.real import Real, Seen
from tests.support.shops import DESK, Shop, new_shop
from tests.support.weak_line import WeakLine

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

AUTO = {"desk": {**DESK, "accept": "auto"}}
TIMES = 4


@pytest.fixture
async def shop(real: Real) -> AsyncIterator[Shop]:
    made = new_shop(real)
    await made.declare(queues=AUTO, agents={"ann": {"name": "Ann"}})
    yield made
    await made.close()


@pytest.fixture
async def line(real: Real) -> AsyncIterator[WeakLine]:
    async with WeakLine(real.ws_url) as weak:
        yield weak


def says(text: str, session: str = "") -> Callable[[Message], bool]:
    def fits(message: Message) -> bool:
        known = message.body.text if message.body else ""
        return text in known and session in ("", message.session)

    return fits


def texts(seen: Seen, session: str) -> list[str]:
    return [m.body.text for m in seen.all(Message) if m.session == session and m.body]


def seqs(seen: Seen, session: str) -> list[int]:
    frames = [e for e in seen.events if isinstance(e, Message | Event)]
    return [frame.seq for frame in frames if frame.session == session and not frame.aside]


async def test_a_customer_whose_line_breaks_again_and_again_misses_nothing(
    shop: Shop, line: WeakLine
) -> None:
    ann, ann_saw = await shop.agent("ann")
    client, seen, session = await shop.served("c1", ann, ann_saw, url=line.url)
    for number in range(TIMES):
        line.cut()
        await ann.say(session, f"answer {number}")
        await client.say(f"question {number}")
        await seen.first(Message, says(f"answer {number}"))
    await ann_saw.first(Message, says("question 3"))
    assert client.counts.reconnects == TIMES
    for side in (seen, ann_saw):
        assert sorted(texts(side, session)) == sorted(
            f"{what} {n}" for n in range(TIMES) for what in ("question", "answer")
        )
        assert seqs(side, session) == list(range(1, len(seqs(side, session)) + 1))


async def test_an_agent_whose_line_breaks_keeps_the_sessions_and_reads_what_was_said(
    shop: Shop, line: WeakLine
) -> None:
    ann, ann_saw = await shop.agent("ann", url=line.url)
    one, _, first = await shop.served("c1", ann, ann_saw)
    two, two_saw, second = await shop.served("c2", ann, ann_saw)
    line.cut()
    await one.say("in the dark, one")
    await two.say("in the dark, two")
    await ann_saw.first(Connected, lambda connected: connected.again)
    for session in (first, second):
        await ann_saw.first(Message, says("in the dark", session))
        assert seqs(ann_saw, session) == list(range(1, len(seqs(ann_saw, session)) + 1))
    await ann.say(second, "and I am back")
    await two_saw.first(Message, says("back"))
    assert not [event for event in two_saw.all(Event) if event.kind == "agent_lost"]


async def test_the_history_page_shows_each_side_what_it_may_see(shop: Shop) -> None:
    ann, ann_saw = await shop.agent("ann")
    client, _, session = await shop.served("c1", ann, ann_saw)
    await client.say("hello")
    await ann.whisper(session, "a difficult one")
    await client.end()
    async with httpx.AsyncClient(
        base_url=shop.real.http_url, trust_env=False, timeout=60.0
    ) as http:

        async def page(token: str, **params: str | int) -> httpx.Response:
            bearer = {"authorization": f"Bearer {token}"}
            path = f"/v1/sessions/{session}/messages"
            return await http.get(path, params=params, headers=bearer)

        own = (await page(shop.visitor_token("c1"))).json()
        said = [frame["body"]["text"] for frame in own["frames"] if frame["t"] == "message"]
        assert said == ["hello"]
        staff = (await page(shop.access_token("ann"), track="aside")).json()
        aside = [frame["body"]["text"] for frame in staff["frames"] if frame["t"] == "message"]
        assert aside == ["a difficult one"]
        second = (await page(shop.visitor_token("c1"), after=1, limit=2)).json()
        assert [frame["seq"] for frame in second["frames"]] == [2, 3]
        assert second["next"] == 3
        assert (await page(shop.visitor_token("c1"), track="aside")).status_code == 403
        assert (await page(shop.visitor_token("c2"))).status_code == 404
