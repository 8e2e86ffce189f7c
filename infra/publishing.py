"""Carries the directory's changes to the actors: compiled settings, published within a second."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from infra.configs import RedisConfigs
from infra.directory.store import Directory

log = structlog.get_logger()


async def publish_once(directory: Directory, configs: RedisConfigs) -> int:
    """Publish every organisation whose directory version is not the published one; return how
    many. Cheap when nothing changed: versions only."""
    recorded, published = await directory.versions(), await configs.versions()
    stale = [org for org, version in recorded.items() if published.get(org) != version]
    for org in stale:
        config = await directory.compile_config(org)
        if config is not None:
            await configs.publish(config)
    return len(stale)


async def publish_changes(directory: Directory, configs: RedisConfigs, *, every_s: float) -> None:
    """Publish changes, whoever made them, until cancelled. Several publishers do no harm."""
    while True:
        try:
            await publish_once(directory, configs)
        except (RedisError, SQLAlchemyError, OSError) as error:
            log.warning("settings.not_published", error=str(error))
        await asyncio.sleep(every_s)
