"""Heavy work is done in a process beside: it answers, refuses, dies and is replaced."""

import asyncio

import msgspec
import pytest

from bot.knowledge import Answer, Base, Topic
from serve.knowledge import jobs as j
from serve.knowledge import workshop as w

BASE = Base(
    id="faq",
    name="FAQ",
    topics=(
        Topic(
            id="refund",
            question="怎么退款",
            similar=("我要退钱", "how do I get a refund"),
            answers=(Answer(text="七天内"),),
        ),
        Topic(id="ship", question="什么时候发货", answers=(Answer(text="明天"),)),
    ),
)
BODY = msgspec.json.encode(BASE)


@pytest.fixture
def workshop():
    """A workshop, closed at the end."""
    found = w.Workshop()
    yield found
    found.close()


def asking(question, **more):
    return j.TryQuestion(body=BODY, version=3, question=question, now=1.0, **more)


async def test_it_does_every_kind_of_job_in_turn(workshop):
    tried, problems, clusters, trained, read = await asyncio.gather(
        workshop.ask(asking("我要退钱"), j.Tried),
        workshop.ask(j.CheckBase(body=BODY, now=1.0), j.Problems),
        workshop.ask(j.ClusterTexts(texts=["a b c", "a b c!", "天气"]), j.Clusters),
        workshop.ask(
            j.TrainBase(draft=BODY, live=BODY, reviewed=[("我要退款", "refund")], now=1.0),
            j.Trained,
        ),
        workshop.ask(
            j.ReadFile(data="id,question\na,怎么退款\nb c,发货".encode(), format="csv", now=1.0),
            j.FileTopics,
        ),
    )
    assert (tried.decision.band, tried.decision.topic) == ("answer", "refund")
    assert tried.decision.explanation.normalised
    assert {one.code for one in problems.problems} == {"few_phrasings"}
    assert clusters.clusters == [[0, 1], [2]]
    assert trained.gate.items == 1
    assert set(read.topics) == {"a"}
    assert [one.number for one in read.bad] == [3]


async def test_what_cannot_be_used_is_refused_and_the_next_job_is_done(workshop):
    with pytest.raises(w.JobRefusedError, match="not an xlsx file"):
        await workshop.ask(j.ReadFile(data=b"x", format="xlsx", now=1.0), j.FileTopics)
    with pytest.raises(w.WorkshopError, match=r"Decode|JSON"):
        await workshop.ask(j.CheckBase(body=b"{", now=1.0), j.Problems)
    tried = await workshop.ask(asking("发货"), j.Tried)
    assert tried.decision.version == 3


async def test_a_worker_that_died_is_replaced(workshop):
    await workshop.ask(asking("发货"), j.Tried)
    first = workshop._worker
    first.kill()
    first.wait()
    await workshop.ask(asking("发货"), j.Tried)
    assert workshop._worker.pid != first.pid


async def test_a_job_that_takes_too_long_is_given_up(workshop):
    hasty = w.Workshop(deadline_s=0.0)
    with pytest.raises(w.WorkshopError, match="ended before"):
        await hasty.ask(asking("发货"), j.Tried)
    hasty.close()


async def test_few_may_wait(workshop, monkeypatch):
    monkeypatch.setattr(w, "WAITING_N", 1)
    first = asyncio.create_task(workshop.ask(asking("发货"), j.Tried))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(w.WorkshopError, match="waiting"):
        await workshop.ask(asking("发货"), j.Tried)
    await first
