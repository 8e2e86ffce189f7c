"""What knowledge bases cost: files, publishing until it is live, outcomes, the report, the inbox.

    python -m benchmarks.knowledge [--json FILE] [--topics 12000] [--questions FILE.csv]

SQLite and a private Valkey, both started here. `--questions` is a CSV file with the columns `text`
and `category`, to see how pure the clusters of the inbox are. Seconds of the wall, CPU beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from benchmarks import report
from bot.clustering import MAX_TEXTS, cluster
from bot.knowledge import Answer, Base, Topic
from bot.outcomes import QuestionOutcome
from bot.tables import export_base
from infra.directory.audit import By
from infra.directory.declared import parse
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.forms import BaseForm, TopicForm, TreeForm
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.publisher import KnowledgePublisher
from infra.knowledge.report import Window, read_report
from infra.knowledge.rows import KnowledgeReader
from infra.knowledge.stream import BATCH_N
from infra.knowledge.writer import KnowledgeWriter
from infra.redis_client import connect
from infra.settings import async_sql_url
from infra.valkey import ValkeyServer
from serve.knowledge.importing import read_file
from serve.knowledge.store import KnowledgeStore

BY = By(subject="benchmark", role="system")
ORG = {"org": "b", "name": "B", "entry_queue": "q", "queues": {"q": {"name": "Q"}}}
DAY_S = 24 * 3600.0
SEED = 7
TICK_S = 0.002
GC_AS_IN_GATEWAYS = (50_000, 50, 100)
"""See `infra.wiring.Wiring.prepare`."""
TEXTS = (
    "怎么 {n} 退款",
    "how do I {n} get a refund",
    "订单 {n} 什么时候发货",
    "reset password {n}",
)


class Clock:
    """Collects what was measured, in order."""

    def __init__(self) -> None:
        self.rows: list[dict[str, report.Cell]] = []

    @contextmanager
    def timed(self, what: str, n: int) -> Iterator[None]:
        """Measure the block, which does `n` of something."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        took = time.perf_counter() - wall
        self.note(what, n, took, time.process_time() - cpu)

    def note(self, what: str, n: int, took: float, cpu: float | None) -> None:
        """Add a row."""
        row: dict[str, report.Cell] = {"what": what, "n": n, "seconds": round(took, 3)}
        row |= {"cpu_s": None if cpu is None else round(cpu, 3), "per_s": round(n / took)}
        self.rows.append(row)
        report.say(f"{what}: {n} in {took:.3f} s")


def a_base(topics_n: int) -> Base:
    """Return a base of that many topics, four wordings each."""
    return Base(
        id="faq",
        name="FAQ",
        topics=tuple(
            Topic(
                id=f"t{n}",
                question=TEXTS[0].format(n=n),
                similar=tuple(text.format(n=n) for text in TEXTS[1:]),
                answers=(Answer(text=f"答案 {n}"),),
            )
            for n in range(topics_n)
        ),
    )


@asynccontextmanager
async def watched(clock: Clock, what: str) -> AsyncIterator[None]:
    """Note the longest work without a pause that the block did on its event loop, in seconds of
    CPU: what everybody else on that loop would wait for."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK_S)
            longest = max(longest, time.thread_time() - before)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    yield
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    clock.note(f"longest work on the gateway's loop (CPU): {what}", 1, longest, None)


@asynccontextmanager
async def a_directory(folder: Path) -> AsyncIterator[Directory]:
    """Open a directory with one organisation and an empty base."""
    directory = Directory(async_sql_url(f"sqlite:///{folder / 'd.sqlite3'}"))
    await upgrade(directory.engine)
    await directory.replace(parse(ORG, "the benchmark"))
    async with directory.writing("b", BY) as writer:
        await KnowledgeWriter(writer).create_base("faq", BaseForm(name="FAQ"))
    yield directory
    await directory.close()


async def files(directory: Directory, clock: Clock, topics_n: int) -> None:
    """Measure the way of a file into the draft."""
    data = export_base(a_base(topics_n), "xlsx")
    with clock.timed("read an xlsx file and check it (topics)", topics_n):
        found = read_file(data, "xlsx", now=1.0, all_or_none=True)
    topics = {key: TopicForm.model_validate(one) for key, one in found.topics.items()}
    async with watched(clock, "import"):
        with clock.timed("write the topics into the draft (topics)", topics_n):
            async with directory.writing("b", BY) as writer:
                knowledge = KnowledgeWriter(writer)
                row = await knowledge.base("faq")
                await knowledge.import_topics(row, topics, TreeForm(), replace=True)
    async with watched(clock, "import again, nothing new"), directory.writing("b", BY) as writer:
        knowledge = KnowledgeWriter(writer)
        row = await knowledge.base("faq")
        await knowledge.import_topics(row, topics, TreeForm(), replace=True)


async def publishing(directory: Directory, url: str, clock: Clock, topics_n: int) -> None:
    """Measure from the beginning of a publish until whoever answers has the version."""
    redis = connect(url)
    feed, news = RedisKnowledge(redis), asyncio.Event()
    store = KnowledgeStore(feed)
    store.listen(lambda _: news.set())
    publisher = KnowledgePublisher(directory.engine, feed)
    tasks = [asyncio.create_task(job) for job in (publisher.run(), store.run())]
    times = []
    for number in range(1, 6):
        begun = time.perf_counter()
        await publish(directory)
        while all(one.version.number < number for one in store.serving("b")):
            news.clear()
            await news.wait()
        times.append(time.perf_counter() - begun)
    async with watched(clock, "publish"):
        await publish(directory)
    clock.note("publish until it is live, median of 5 (topics)", topics_n, sorted(times)[2], None)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await redis.aclose()


async def publish(directory: Directory) -> None:
    """Publish the draft."""
    draft = await KnowledgeReader(directory.engine).draft("b", "faq")
    body = await asyncio.to_thread(lambda: msgspec.json.encode(draft.content()))
    async with directory.writing("b", BY) as writer:
        knowledge = KnowledgeWriter(writer)
        row = await knowledge.base("faq")
        version = await knowledge.publish(row, body, topics_n=len(draft.topics))
        knowledge.set_live(row, version.number)


async def outcomes(directory: Directory, clock: Clock, n: int) -> None:
    """Measure storing outcomes, and a report over them."""
    dice, now = random.Random(SEED), time.time()
    store = OutcomeStore(directory.engine)
    pieces = [
        msgspec.json.encode(
            QuestionOutcome(
                org="b",
                id=f"s{i // 3}:{i}",
                at=now - dice.random() * 30 * DAY_S,
                base="faq",
                band=dice.choice(("answer", "answer", "clarify", "fallback")),
                topic=f"t{dice.randrange(500)}",
                text=dice.choice(TEXTS).format(n=i),
                probability=dice.random(),
            )
        )
        for i in range(n)
    ]
    with clock.timed("store outcomes, in batches (questions)", n):
        for start in range(0, n, BATCH_N):
            await store.write(pieces[start : start + BATCH_N])
    window = Window(org="b", from_at=now - 30 * DAY_S, until_at=now + 1, now=now)
    with clock.timed("report of 30 days (questions)", n):
        await read_report(directory.engine, window)


def clusters(path: Path | None, clock: Clock) -> dict[str, report.Cell]:
    """Measure clustering; with questions of known categories, how pure the clusters are."""
    if path is None:
        texts = [TEXTS[n % 4].format(n=n % 977) for n in range(MAX_TEXTS)]
        with clock.timed("cluster (made-up questions)", len(texts)):
            cluster(texts)
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    random.Random(SEED).shuffle(rows)
    rows = rows[:MAX_TEXTS]
    with clock.timed("cluster (questions of the file)", len(rows)):
        found = cluster([text for text, _ in rows])
    pure = [_pure([rows[m][1] for m in one.members]) for one in found]
    shared = [one for one in pure if one[1] > 1]
    return {
        "clusters": len(found),
        "purity": round(sum(n for n, _ in pure) / len(rows), 4),
        "questions_in_clusters_of_two_and_more": sum(n for _, n in shared),
        "their_purity": round(sum(n for n, _ in shared) / max(1, sum(n for _, n in shared)), 4),
    }


def _pure(categories: list[str]) -> tuple[int, int]:
    return Counter(categories).most_common(1)[0][1], len(categories)


async def measure(given: argparse.Namespace, clock: Clock) -> None:
    """Measure everything that needs stores."""
    with tempfile.TemporaryDirectory(prefix="rd") as name:
        folder = Path(name)
        with ValkeyServer(folder / "valkey") as valkey:
            async with a_directory(folder) as directory:
                await files(directory, clock, given.topics)
                await publishing(directory, valkey.url, clock, given.topics)
                await outcomes(directory, clock, given.outcomes)


def main() -> None:
    """Measure, and write what came out."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--topics", type=int, default=12_000)
    parser.add_argument("--outcomes", type=int, default=100_000)
    parser.add_argument("--questions", type=Path, default=None)
    given = parser.parse_args()
    facts, clock = report.machine_facts(), Clock()
    gc.set_threshold(*GC_AS_IN_GATEWAYS)
    asyncio.run(measure(given, clock))
    purity = clusters(given.questions, clock)
    report.write({"machine": facts, "rows": clock.rows, "clusters": purity}, given.json)
    report.say(report.table(clock.rows))


if __name__ == "__main__":
    main()
