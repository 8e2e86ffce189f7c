"""What was learned once is read back, by content, whatever its number; but not on blind trust."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from bot.answering import Understanding
from bot.encoder import open_encoder
from bot.knowledge import Answer, Base, Topic, Version
from bot.saving import dump
from infra.objects import LocalObjects
from serve.bot_learning import KEPT_N, SMALL_N, StoredLearning, folder_of, learn_from_newest

WORDS = open_encoder()


def version(number: int, topics_n: int = 3, word: str = "refund") -> Version:
    each = -(-(SMALL_N + 1) // topics_n)
    topics = [
        Topic(
            id=f"t{topic}",
            question=f"how does {word} number {topic} go",
            similar=tuple(f"{word} {topic} case {n}" for n in range(each)),
        )
        for topic in range(topics_n)
    ]
    return Version(number=number, base=Base(id="faq", name="faq", topics=tuple(topics)), at=0.0)


def small(base: Base, wordings_n: int = 20) -> Base:
    """Return the base with so many wordings a topic."""
    few = [msgspec.structs.replace(t, similar=t.similar[: wordings_n - 1]) for t in base.topics]
    return msgspec.structs.replace(base, topics=tuple(few))


class Elsewhere:
    """Counts what is learned; learns a small piece of it, which is enough here. `objects` None:
    the store is away."""

    def __init__(self, objects: LocalObjects | None) -> None:
        self.learned: list[int] = []
        self._objects = objects

    async def __call__(self, base: Base, number: int, key: str) -> bytes:
        self.learned.append(number)
        data = dump(Understanding.learn(small(base, 3), version=number))
        if self._objects is None:
            return data
        await self._objects.put(key, data)
        return b""


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path)


async def test_a_second_replica_learns_nothing_again(objects: LocalObjects) -> None:
    elsewhere = Elsewhere(objects)
    first = await StoredLearning(objects, elsewhere, WORDS)("o", version(1))
    again = await StoredLearning(objects, elsewhere, WORDS)("o", version(1))
    assert elsewhere.learned == [1]
    asked = ["refund 1 case 1", "how does refund number 2 go"]
    assert first.answer_many(asked, now=0.0) == again.answer_many(asked, now=0.0)


async def test_a_roll_back_is_read_back_under_its_new_number(objects: LocalObjects) -> None:
    elsewhere = Elsewhere(objects)
    learn = StoredLearning(objects, elsewhere, WORDS)
    await learn("o", version(1))
    await learn("o", version(2, word="parcel"))
    restored = await learn("o", version(3))
    assert elsewhere.learned == [1, 2]
    assert restored.version == 3


async def test_another_answer_to_the_same_wordings_is_nothing_to_learn(
    objects: LocalObjects,
) -> None:
    elsewhere = Elsewhere(objects)
    learn = StoredLearning(objects, elsewhere, WORDS)
    await learn("o", version(1))
    base = version(2).base
    first, *others = base.topics
    told = msgspec.structs.replace(first, answers=(Answer(text="in three days"),))
    changed = msgspec.structs.replace(base, topics=(told, *others))
    found = await learn("o", Version(number=2, base=changed, at=0.0))
    assert (elsewhere.learned, found.version) == ([1], 2)
    topic = found.topic("t0")
    assert topic is not None
    assert topic.answers == told.answers


async def test_other_wordings_or_another_order_are_learned(objects: LocalObjects) -> None:
    elsewhere = Elsewhere(objects)
    learn = StoredLearning(objects, elsewhere, WORDS)
    base = version(1).base
    first, *others = base.topics
    await learn("o", Version(number=1, base=base, at=0.0))
    turned = msgspec.structs.replace(base, topics=(*others, first))
    await learn("o", Version(number=2, base=turned, at=0.0))
    off = msgspec.structs.replace(first, enabled=False)
    await learn(
        "o", Version(number=3, base=msgspec.structs.replace(base, topics=(off, *others)), at=0)
    )
    odd = msgspec.structs.replace(base, strangers=("what is love",))
    await learn("o", Version(number=4, base=odd, at=0.0))
    assert elsewhere.learned == [1, 2, 3, 4]


async def test_no_organisation_gets_what_another_taught(objects: LocalObjects) -> None:
    elsewhere = Elsewhere(objects)
    learn = StoredLearning(objects, elsewhere, WORDS)
    await learn("o", version(1))
    await learn("o/faq/..", version(1))
    assert elsewhere.learned == [1, 1]
    assert len({key.rsplit("/", 1)[0] for key in await objects.keys("bot/")}) == 2


async def test_only_the_newest_are_kept(objects: LocalObjects) -> None:
    learn = StoredLearning(objects, Elsewhere(objects), WORDS)
    for number in range(1, KEPT_N + 3):
        await learn("o", version(number, word=f"word{number}"))
    kept = [key.rsplit("/", 1)[1] for key in await objects.keys(folder_of("o", "faq"))]
    assert [int(name.split("-")[0]) for name in kept] == [3, 4, 5]


async def test_a_damaged_file_is_learned_again(objects: LocalObjects) -> None:
    elsewhere = Elsewhere(objects)
    learn = StoredLearning(objects, elsewhere, WORDS)
    await learn("o", version(1))
    [key] = await objects.keys("bot/")
    await objects.put(key, b"PK nonsense")
    await learn("o", version(1))
    await learn("o", version(1))
    assert elsewhere.learned == [1, 1]


async def test_a_store_that_is_away_costs_learning_again(tmp_path: Path) -> None:
    (tmp_path / "bot").write_text("a file where the folder should be")
    learn = StoredLearning(LocalObjects(tmp_path), Elsewhere(None), WORDS)
    assert (await learn("o", version(4))).version == 4


def test_few_other_wordings_are_learned_from_the_newest_and_many_are_not(
    objects: LocalObjects,
) -> None:
    folder = folder_of("o", "faq")
    base = small(version(1).base)
    assert learn_from_newest(objects, base, 1, folder).changed_n == 0
    whole = Understanding.learn(base, version=1)
    asyncio.run(objects.put(f"{folder}{1:010}-x", dump(whole)))
    first, *others = base.topics
    more = msgspec.structs.replace(first, similar=(*first.similar, "where is my parcel"))
    changed = msgspec.structs.replace(base, topics=(more, *others))
    found = learn_from_newest(objects, changed, 2, folder)
    assert (found.version, found.changed_n) == (2, 1)
    assert found.answer("where is my parcel", now=0.0, audience=None).topic == "t0"
    assert (
        learn_from_newest(objects, small(version(3, word="parcel").base), 3, folder).changed_n == 0
    )
    asyncio.run(objects.put(f"{folder}{2:010}-x", b"PK nonsense"))
    assert learn_from_newest(objects, changed, 3, folder).changed_n == 0
