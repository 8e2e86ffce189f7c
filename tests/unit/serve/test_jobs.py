"""A defect in one of the jobs beside the doors ends neither it nor the others."""

import asyncio

from serve.jobs import beside


async def test_a_job_that_failed_is_begun_again_and_ends_with_the_block():
    tries, ended, enough = [], [], asyncio.Event()

    async def failing():
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError("a defect")
        enough.set()
        await asyncio.Event().wait()

    async def sound():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("sound")

    async with asyncio.timeout(20), beside({"failing": failing, "sound": sound}, again_s=0.0):
        await enough.wait()
    assert tries == [0, 1, 2]
    assert ended == ["sound"]


async def test_a_cancellation_that_a_job_swallowed_still_ends_it():
    started = asyncio.Event()

    async def job():
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    async with asyncio.timeout(20), beside({"job": job}, again_s=0.0):
        await started.wait()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "job"] == []


async def test_a_job_that_fails_over_its_cancellation_is_not_begun_again():
    tries, started = [], asyncio.Event()

    async def job():
        tries.append(len(tries))
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the store is gone") from None

    async with asyncio.timeout(20), beside({"job": job}, again_s=0.0):
        await started.wait()
    assert tries == [0]
