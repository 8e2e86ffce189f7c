"""The directory, as the doors ask it: who may sign in, and which sites there are."""

from __future__ import annotations

from pathlib import Path

import msgspec

from infra.configs import RedisConfigs
from infra.directory.declared import read_file
from infra.directory.migrate import upgrade
from infra.directory.publisher import Publisher
from infra.directory.store import Directory
from infra.redis_client import connect
from infra.settings import Settings
from serve.door_wiring import People
from serve.doors import Account, Site

DEMO = Path(__file__).resolve().parent.parent / "infra" / "demo.yaml"


class DirectoryPeople:
    """Answers from SQL (implements `serve.doors.Accounts` and, by `get`, `serve.doors.Sites`)."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def find(self, org: str, login: str) -> Account | None:
        """Return the account, None if there is none."""
        found = await self._directory.find(org, login)
        return None if found is None else msgspec.convert(found, Account, from_attributes=True)

    async def get(self, key: str) -> Site | None:
        """Return the site, None if there is none with that key."""
        found = await self._directory.site(key)
        return None if found is None else msgspec.convert(found, Site, from_attributes=True)


async def directory_people(settings: Settings) -> People:
    """Open the directory for one gateway process."""
    directory = Directory(settings.sql_url)

    async def publish(configs: RedisConfigs) -> None:
        await Publisher(directory, configs).run()

    people = DirectoryPeople(directory)
    return People(sites=people, accounts=people, publish=publish)


async def prepare_directory(settings: Settings, redis_url: str) -> None:
    """Bring the schema up to date, import the demo organisation into an empty directory if the
    settings want it, and publish all organisations."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    directory, redis = Directory(settings.sql_url), connect(redis_url)
    try:
        await upgrade(directory.engine)
        if settings.demo and not await directory.versions():
            password = settings.demo_password.get_secret_value()
            await directory.replace(read_file(DEMO), {"RAYDESK_DEMO_PASSWORD": password})
        await Publisher(directory, RedisConfigs(redis)).publish_changes()
    finally:
        await directory.close()
        await redis.aclose()
