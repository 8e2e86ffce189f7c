"""The demo organisation's bot answers out of the box, in both languages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.answering import Understanding
from infra.directory.declared import read_file
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.knowledge.rows import KnowledgeReader
from infra.settings import async_sql_url
from serve.demo import BASE, teach_demo
from serve.knowledge.store import read_base
from serve.people import DEMO

ASKED = {
    "怎么申请退款？": "refund",
    "我想退款": "refund",
    "快递到哪了": "tracking",
    "开发票": "invoice",
    "How do I get a refund?": "refund-en",
    "where is my parcel": "tracking-en",
    "I forgot my password": "password-en",
}


@pytest.fixture(scope="module")
async def taught(tmp_path_factory: pytest.TempPathFactory) -> Understanding:
    path: Path = tmp_path_factory.mktemp("demo") / "d.sqlite3"
    directory = Directory(async_sql_url(f"sqlite:///{path}"))
    try:
        await upgrade(directory.engine)
        demo = read_file(DEMO)
        await directory.replace(demo, {"RAYDESK_DEMO_PASSWORD": "x" * 12})
        assert await teach_demo(directory, demo.org) > 20
        stored = await KnowledgeReader(directory.engine).version(demo.org, BASE, 1)
        return Understanding.learn(read_base(stored.body), version=1)
    finally:
        await directory.close()


@pytest.mark.parametrize(("question", "topic"), ASKED.items())
async def test_the_demo_base_answers(taught: Understanding, question: str, topic: str) -> None:
    decision = taught.answer(question, now=time.time())
    assert (decision.band, decision.topic) == ("answer", topic)


async def test_hello_has_questions_of_both_languages(taught: Understanding) -> None:
    hot = [one.topic for one in taught.hot(now=time.time())]
    assert {"refund", "refund-en"} <= set(hot)
