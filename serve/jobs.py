"""Jobs that run beside the doors for as long as these are open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from actors.cancelling import raise_if_cancelled

AGAIN_S = 1.0
"""A job that ended by a defect begins again after this."""

Job = Callable[[], Awaitable[None]]

log = structlog.get_logger()


@asynccontextmanager
async def beside(jobs: Mapping[str, Job], again_s: float = AGAIN_S) -> AsyncIterator[None]:
    """Run the jobs, by name, until the block ends; then they are cancelled and waited for.

    A defect in one costs it a pause of `again_s`, and no other job anything.
    """
    tasks = [
        asyncio.create_task(_kept(name, job, again_s), name=name) for name, job in jobs.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept(name: str, job: Job, again_s: float) -> None:
    while True:
        try:
            return await job()
        except Exception:
            log.exception("job.failed", job=name, again_s=again_s)
        raise_if_cancelled()
        await asyncio.sleep(again_s)
