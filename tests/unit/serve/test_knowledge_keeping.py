"""A defect in one of the gateway's jobs for the knowledge bases ends neither it nor the others."""

import asyncio

from serve.knowledge.keeping import keep_going


async def test_a_job_that_failed_is_begun_again_and_ends_when_cancelled():
    begun, enough = [], asyncio.Event()

    async def job():
        begun.append(len(begun))
        if len(begun) < 3:
            raise ValueError("a defect")
        enough.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(keep_going(job, again_s=0.0))
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert begun == [0, 1, 2]


async def test_a_cancellation_that_a_job_swallowed_still_ends_it():
    started = asyncio.Event()

    async def job():
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    task = asyncio.create_task(keep_going(job, again_s=0.0))
    async with asyncio.timeout(20):
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
