"""What each gateway does for the knowledge bases beside serving: publishes versions, stores
outcomes, trains. Any number of gateways may do it at once."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from infra.directory.store import Directory
from infra.knowledge.carrier import OutcomeCarrier
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.outcomes import OutcomeStore
from infra.knowledge.publisher import KnowledgePublisher
from serve.jobs import beside
from serve.knowledge.learning import Learning
from serve.knowledge.workshop import Workshop


async def keep_knowledge(directory: Directory, redis: Redis, name: str) -> None:
    """Do it until cancelled. `name` is the gateway's, never used by another."""
    engine, workshop = directory.engine, Workshop()
    jobs = {
        "knowledge.publisher": KnowledgePublisher(engine, RedisKnowledge(redis)).run,
        "knowledge.outcomes": OutcomeCarrier(redis, OutcomeStore(engine), name).run,
        "knowledge.learning": Learning(directory, workshop, name).run,
    }
    try:
        async with beside(jobs):
            await asyncio.Event().wait()
    finally:
        workshop.close()
