"""A host's ways out to its gateways."""

from __future__ import annotations

import asyncio

from actors import outlets
from actors.codec import decode_answer
from actors.outlets import Outlet, Outlets
from actors.ports import Delivery
from tests.support.actor_system import until


def frame(n: int, size: int = 10) -> Delivery:
    return Delivery((n,), bytes(size), "1", n)


def test_answers_are_numbered_only_when_they_carry_something() -> None:
    outlet = Outlet("g1", 1, 0.0)
    assert decode_answer(outlet.take([])).number == 0
    outlet.add(frame(1))
    assert decode_answer(outlet.take([])).number == 1
    assert decode_answer(outlet.take([])).number == 0
    outlet.add(frame(2))
    assert decode_answer(outlet.take([])).number == 2


def test_one_answer_stays_small_and_the_rest_follows_in_order() -> None:
    outlet = Outlet("g1", 1, 0.0)
    for n in range(1, 11):
        outlet.add(frame(n, 30_000))
    seqs = []
    while (answer := decode_answer(outlet.take([]))).number:
        assert sum(len(d.data) for d in answer.deliveries) <= outlets.ITEM_BYTES + 30_000
        seqs += [d.seq for d in answer.deliveries]
    assert seqs == list(range(1, 11))


def test_a_gateway_that_takes_nothing_is_cut_off_at_a_bounded_cost() -> None:
    outlet = Outlet("g1", 1, 0.0)
    while not outlet.closed:
        outlet.add(frame(1, 1_000_000))
    assert decode_answer(outlet.take([])).deliveries == []


def test_a_newer_attachment_replaces_an_older_and_the_older_is_over() -> None:
    known = Outlets()
    first, replaced = known.attach("g1", 1, 0.0)
    assert first is not None
    assert not replaced
    second, replaced = known.attach("g1", 2, 0.0)
    assert replaced
    assert first.closed
    assert known.attach("g1", 1, 0.0) == (None, False)
    assert known.attach("g1", 2, 0.0) == (second, False)


def test_a_silent_gateway_is_dropped_and_a_talking_one_kept() -> None:
    known = Outlets()
    known.attach("quiet", 1, 0.0)
    known.attach("alive", 1, 0.0)
    known.attach("alive", 1, 9.0)
    assert known.drop_silent(5.0) == ["quiet"]
    assert known.get("quiet") is None
    assert known.get("alive") is not None


async def test_the_stream_carries_what_no_answer_took_and_ends_when_closed() -> None:
    outlet = Outlet("g1", 1, 0.0)
    seen: list[int] = []

    async def follow() -> None:
        async for item in outlet.stream():
            seen.extend(d.seq for d in decode_answer(item).deliveries)

    task = asyncio.create_task(follow())
    outlet.add(frame(1))
    outlet.flush()
    await until(lambda: seen == [1])
    outlet.close()
    await task


async def test_batches_that_overtake_each_other_are_admitted_in_order() -> None:
    outlet = Outlet("g1", 1, 0.0)
    admitted: list[int] = []

    async def arrive(number: int) -> None:
        if await outlet.admit(number):
            admitted.append(number)

    tasks = []
    for number in (3, 2, 1, 5, 4):
        tasks.append(asyncio.create_task(arrive(number)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert admitted == [1, 2, 3, 4, 5]


async def test_a_batch_whose_forerunner_never_comes_ends_with_the_attachment() -> None:
    outlet = Outlet("g1", 1, 0.0)
    late = asyncio.create_task(outlet.admit(2))
    await asyncio.sleep(0)
    outlet.close()
    assert await late is False
