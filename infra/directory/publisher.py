"""Brings every change of the directory to the actors: at once, and by a cheap check of versions."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from actors.cancelling import raise_if_cancelled
from infra.configs import RedisConfigs
from infra.directory.store import Directory

log = structlog.get_logger()


class Publisher:
    """Publishes what Redis has not got. A commit of its own directory makes it look at once;
    changes of other processes, and publishes that were lost, are found within `check_s`."""

    def __init__(self, directory: Directory, configs: RedisConfigs, check_s: float = 0.5) -> None:
        self._directory = directory
        self._configs = configs
        self._check_s = check_s
        self._news = asyncio.Event()
        directory.on_change(self.wake)

    def wake(self, _org: str = "") -> None:
        """Look now."""
        self._news.set()

    async def publish_changes(self) -> list[str]:
        """Publish each organisation that Redis has not, or older; return which."""
        stored = await self._configs.versions()
        wanted = await self._directory.versions()
        stale = [org for org, version in wanted.items() if stored.get(org, -1) < version]
        for org in stale:
            config = await self._directory.compile_config(org)
            if config is not None:
                await self._configs.publish(config)
        return stale

    async def run(self) -> None:
        """Publish until cancelled; a store that fails is tried again."""
        while True:
            raise_if_cancelled()
            self._news.clear()
            try:
                await self.publish_changes()
            except (RedisError, OSError, SQLAlchemyError) as error:
                log.warning("config.not_published", error=str(error))
            try:
                async with asyncio.timeout(self._check_s):
                    await self._news.wait()
            except TimeoutError:
                continue
