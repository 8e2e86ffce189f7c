"""A published version is live within seconds on the real system, while people go on talking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from actors.frames import Event, Message, OpenOffer, SessionFrame
from bot.outcomes import QuestionOutcome
from examples.signing_in import Login
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.stream import OutcomeStream
from infra.redis_client import connect
from serve.knowledge.sink import StreamSink
from serve.knowledge.store import KnowledgeStore
from tests.support.real import PASSWORD, WITHIN_S, Desk, Real

pytest_plugins = ["tests.support.real"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]
BASES = "/v1/admin/knowledge/bases"
OURS = f"{BASES}/published-live"
WORDS_N = 60


@pytest.fixture
async def api(real: Real, desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """The administration API of the running system, with a base that no bot answers from."""
    token = await desk.api.agent_token("demo", Login("admin", PASSWORD))
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=real.http_url, headers=headers, timeout=30) as client:
        form = {"id": "published-live", "name": "测试", "settings": {"bots": ["nobody"]}}
        assert (await client.post(BASES, json=form)).status_code == 201
        yield client
        gone = await client.delete(OURS, headers={"if-match": "*"})
        assert gone.status_code == 204


class Watching:
    """What is live, as a bot's process sees it."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._news = asyncio.Event()
        self.store = KnowledgeStore(RedisKnowledge(self._redis))
        self.store.listen(lambda _: self._news.set())
        self._task = asyncio.create_task(self.store.run())

    async def until(self, number: int) -> str:
        """Return the answer to our topic once that version is live."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                self._news.clear()
                for one in self.store.serving("demo"):
                    ours = one.version.base.id == "published-live"
                    if ours and one.version.number == number:
                        return one.version.base.topics[0].answers[0].text
                await self._news.wait()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()


async def publish(api: httpx.AsyncClient, text: str) -> int:
    topic: dict[str, Any] = {"id": "t", "question": "暗号是什么", "answers": [{"text": text}]}
    made = await api.post(f"{OURS}/topics", json=topic)
    if made.status_code == 409:
        changed = {"answers": topic["answers"]}
        headers = {"if-match": "*", "content-type": "application/merge-patch+json"}
        made = await api.patch(f"{OURS}/topics/t", json=changed, headers=headers)
    assert made.is_success, made.text
    version = await api.post(f"{OURS}/versions", json={})
    assert version.status_code == 201, version.text
    return int(version.json()["number"])


async def test_a_new_version_is_live_while_sessions_go_on(
    real: Real, desk: Desk, api: httpx.AsyncClient
) -> None:
    agent, agent_saw = await desk.agent("alice")
    customer, customer_saw = await desk.customer()
    session = (await customer.start(queue="travel")).session
    offer = await agent_saw.first(OpenOffer, lambda o: o.session == session)
    await agent.accept(offer.offer)
    await customer_saw.first(Event, lambda e: e.kind == "assigned")
    await agent_saw.first(SessionFrame, lambda f: f.session == session)
    watching = Watching(real.redis_url)
    published = asyncio.Event()

    async def talk() -> int:
        """Talk from before the first version until after the last one."""
        said = 0
        while said < WORDS_N or not published.is_set():
            await customer.say(f"word {said}")
            said += 1
        return said

    talking = asyncio.create_task(talk())
    try:
        for text in ("芝麻", "开门"):
            assert await watching.until(await publish(api, text)) == text
        restored = await api.post(f"{OURS}/versions/1/restore", json={})
        assert await watching.until(restored.json()["number"]) == "芝麻"
        published.set()
        said = await talking
        last = f"word {said - 1}"
        await agent_saw.first(Message, lambda m: m.body is not None and m.body.text == last)
        heard = [m.body.text for m in agent_saw.all(Message) if m.body and m.session == session]
        words = [text for text in heard if text.startswith("word ")]
        assert words == [f"word {n}" for n in range(said)]
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await watching.stop()


async def test_an_outcome_that_a_bot_tells_is_in_the_inbox_and_the_report(
    real: Real, api: httpx.AsyncClient
) -> None:
    redis = connect(real.redis_url)
    sink = StreamSink(OutcomeStream(redis))
    carrying = asyncio.create_task(sink.run())
    question = QuestionOutcome(
        org="demo",
        id=f"told:{time.time()}",
        at=time.time(),
        base="published-live",
        text="从来没有听过的问题",
        band="fallback",
    )
    try:
        assert sink.put(question)
        async with asyncio.timeout(WITHIN_S):
            waiting = 0
            while not waiting:
                await asyncio.sleep(0.1)
                waiting = (await api.get(f"{OURS}/inbox")).json()["waiting"]
        found = (await api.get("/v1/admin/bot/report?base=published-live")).json()
        assert (found["total"]["questions"], found["total"]["fallback_rate"]) == (1, 1.0)
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await redis.aclose()


async def test_the_bot_gives_the_new_answer_and_what_it_said_is_reported(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    everybodys = {"settings": {"bots": []}}
    headers = {"if-match": "*", "content-type": "application/merge-patch+json"}
    assert (await api.patch(OURS, json=everybodys, headers=headers)).is_success
    customer, saw = await desk.customer()
    await customer.start()
    await saw.first(Message, lambda m: m.from_.kind == "bot")

    async def answer() -> str:
        asked = await customer.say("暗号是什么")
        told = await saw.first(Message, lambda m: m.seq > asked.seq and m.from_.kind == "bot")
        return (told.body and told.body.text) or ""

    for text in ("芝麻糊", "开门红"):
        await publish(api, text)
        async with asyncio.timeout(WITHIN_S):
            while text not in await answer():  # noqa: ASYNC110  # asked at a person's pace
                await asyncio.sleep(0.2)
    await customer.end()

    async def report(fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            while True:
                told = await api.get("/v1/admin/bot/report?base=published-live")
                found: dict[str, Any] = told.json()
                if fits(found):
                    return found
                await asyncio.sleep(0.2)

    await customer.rate(1, "口令不对")  # after the end: the bot has long been let go
    await report(lambda told: told["total"]["low_rated"] == 1)
    clusters = (await api.get(f"{OURS}/inbox")).json()["clusters"]
    assert "暗号是什么" in [one["text"] for cluster in clusters for one in cluster["questions"]]
    await report(lambda told: "t" in [one["topic"] for one in told["top_topics"]])
    before = (await report(lambda told: told["total"]["pending"] > 0))["total"]
    await customer.start(queue="travel")  # straight to a person: the bot was no help
    after = (await report(lambda told: told["total"]["pending"] < before["pending"]))["total"]
    assert (after["sessions"], after["contained"]) == (before["sessions"], before["contained"])
    assert after["decided"] == before["decided"] + 1
    await customer.end()


async def test_a_version_is_trained_in_the_background_and_brought_out(
    api: httpx.AsyncClient,
) -> None:
    number = await publish(api, "芝麻")
    begun = await api.post(f"{OURS}/rollouts", json={"automatic": False})
    assert begun.status_code == 202, begun.text
    async with asyncio.timeout(WITHIN_S):
        stage = "queued"
        while stage in ("queued", "training"):
            await asyncio.sleep(0.2)
            [rollout] = (await api.get(f"{OURS}/rollouts")).json()["items"]
            stage = rollout["stage"]
    assert stage == "shadow", rollout
    for _ in range(2):
        moved = await api.post(f"{OURS}/rollouts/1/moves", json={"to": "advance"})
    assert moved.json()["stage"] == "all"
    assert (await api.get(OURS)).json()["live"] == rollout["version"] > number
    await api.post(f"{OURS}/rollouts/1/moves", json={"to": "roll_back"})
    assert (await api.get(OURS)).json()["live"] == number
