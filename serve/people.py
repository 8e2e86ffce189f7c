"""The directory, as the doors ask it: who may sign in, and which sites there are."""

from __future__ import annotations

from pathlib import Path

import msgspec
from redis.asyncio import Redis

from infra.configs import RedisConfigs
from infra.directory.declared import DeclaredAgent, read_file
from infra.directory.migrate import upgrade
from infra.directory.publisher import Publisher
from infra.directory.store import Directory
from infra.knowledge.feed import RedisKnowledge
from infra.knowledge.publisher import KnowledgePublisher
from infra.oauth_store_sql import SqlRegistry
from infra.redis_client import connect
from infra.settings import Settings, SettingsError, load_settings
from infra.wiring import Wiring
from serve.demo import teach_demo
from serve.door_wiring import DoorWiring, People
from serve.doors import Account, Site
from serve.knowledge.keeping import keep_knowledge
from serve.oauth.ports import Arrival

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

    async def set_password(self, org: str, account: str, password_hash: str) -> None:
        """Store a new hash (implements, with `arrive`, `serve.oauth.ports.Accounts`)."""
        agent = await self._agent(org, account)
        if agent is None:
            raise LookupError(f"no account {account} in {org}")
        changed = agent.model_copy(update={"password_hash": password_hash})
        await self._directory.set_agent(org, account, changed)

    async def arrive(self, who: Arrival, *, provision: bool) -> None:
        """Give the account the name and role that its provider says; make it if `provision`.

        Raises:
            LookupError: there is no such account, and none is to be made.
        """
        agent = await self._agent(who.org, who.account)
        if agent is None and not provision:
            raise LookupError(f"no account {who.account} in {who.org}")
        old = agent or DeclaredAgent(name=who.account)
        new = old.model_copy(update={"name": who.name or old.name, "role": who.role})
        if new != agent:
            await self._directory.set_agent(who.org, who.account, new)

    async def _agent(self, org: str, account: str) -> DeclaredAgent | None:
        found = await self._directory.read(org)
        return None if found is None else found.agents.get(account)


async def directory_people(settings: Settings) -> People:
    """Open the directory for one gateway process."""
    directory = Directory(settings.sql_url)

    async def publish(configs: RedisConfigs) -> None:
        await Publisher(directory, configs).run()

    async def teach(redis: Redis, name: str) -> None:
        await keep_knowledge(directory, redis, name)

    people = DirectoryPeople(directory)
    registry = SqlRegistry(directory.engine)
    return People(
        sites=people,
        accounts=people,
        publish=publish,
        teach=teach,
        registry=registry,
        changing=people,
        directory=directory,
    )


async def prepare_directory(settings: Settings, redis_url: str) -> None:
    """Bring the schema up to date, import the demo organisation into an empty directory if the
    settings want it, and publish all organisations."""
    settings.make_data_dir()
    directory, redis = Directory(settings.sql_url), connect(redis_url)
    try:
        await upgrade(directory.engine)
        await SqlRegistry(directory.engine).prepare()
        if settings.demo and not await directory.versions():
            password = settings.demo_password.get_secret_value()
            demo = read_file(DEMO)
            await directory.replace(demo, {"RAYDESK_DEMO_PASSWORD": password})
            await teach_demo(directory, demo.org)
        await Publisher(directory, RedisConfigs(redis)).publish_changes()
        await KnowledgePublisher(directory.engine, RedisKnowledge(redis)).publish_changes()
    finally:
        await directory.close()
        await redis.aclose()


def wiring_of_settings() -> DoorWiring:
    """Return the wiring of a cluster whose stores run elsewhere.

    Raises:
        SettingsError: a wrong setting, or no REDIS_URL.
    """
    settings = load_settings()
    if settings.external_redis is None:
        raise SettingsError("REDIS_URL is needed: nodes of a cluster share one store")
    return DoorWiring(Wiring(settings, settings.external_redis), directory_people)
