"""What each gateway does for the knowledge bases beside serving: publishes versions, stores
outcomes, trains. Any number of gateways may do it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from redis.asyncio import Redis

from actors.cancelling import raise_if_cancelled
from infra.directory.store import Directory
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.publisher import KnowledgePublisher
from infra.knowledge.stream import OutcomeCarrier
from serve.knowledge.learning import Learning
from serve.knowledge.workshop import Workshop

AGAIN_S = 2.0

log = structlog.get_logger()


async def keep_knowledge(directory: Directory, redis: Redis, name: str) -> None:
    """Do it until cancelled. `name` is the gateway's, never used by another."""
    engine, workshop = directory.engine, Workshop()
    jobs = (
        KnowledgePublisher(engine, RedisKnowledge(redis)).run,
        OutcomeCarrier(redis, OutcomeStore(engine), name).run,
        Learning(directory, workshop, name).run,
    )
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(keep_going(job))
    finally:
        workshop.close()


async def keep_going(
    job: Callable[[], Coroutine[Any, Any, None]], again_s: float = AGAIN_S
) -> None:
    """Run a job until cancelled; a defect in it costs a pause, and no other job."""
    while True:
        try:
            await job()
        except Exception as error:
            log.exception("knowledge.job_failed", error=repr(error))
        raise_if_cancelled()
        await asyncio.sleep(again_s)
