"""The production adapters of the doors, put together in each gateway process."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from actors.recording import Recorder, Rows
from infra.acts import ActCarrier, ActStreams
from infra.configs import RedisConfigs
from infra.customers import RedisCustomers
from infra.decision_index import RedisDecisionIndex
from infra.directory.store import Directory
from infra.facts import RedisFacts
from infra.facts_backlog import BacklogGauge
from infra.ids import WorkerLease
from infra.knowledge.outcomes import OutcomeStore
from infra.oauth_store import RedisGrants, RedisSealedKeys
from infra.objects import open_objects
from infra.revocation import RedisRevocations
from infra.settings import Settings
from infra.tickets import SqlTickets
from infra.wiring import Wiring
from serve.api_history import RedisHistory
from serve.bot_wiring import BotWiring
from serve.config_cache import ConfigCache
from serve.decisions import DecisionReader
from serve.doors import Accounts, Adapters, Sites
from serve.gateway.limits import Limits
from serve.ingress_env import forwarding_proxies
from serve.jobs import Job, beside
from serve.knowledge.sink import StreamSink
from serve.oauth.ports import Accounts as ChangingAccounts
from serve.oauth.ports import OAuthWorld, Registry
from serve.signing_keys import is_announced, load_key_set, seal

AGENT_FACTOR = 20.0
"""An agent's socket may send this many times what a customer's may: bots hold many sessions."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """The directory, opened: which sites there are, who may sign in, and a task that publishes
    every change of it to the actors (one in each gateway does no harm)."""

    sites: Sites
    accounts: Accounts
    publish: Callable[[RedisConfigs], Coroutine[Any, Any, None]] | None = None
    teach: Callable[[Redis, str], Coroutine[Any, Any, None]] | None = None
    """Publishes what is live of the knowledge bases and stores outcomes, until cancelled."""
    directory: Directory | None = None
    """What the administration API changes; None: there is none."""
    registry: Registry | None = None
    changing: ChangingAccounts | None = None
    """Both or neither: without them there is no authorization server."""


OpenPeople = Callable[[Settings], Awaitable[People]]
"""Opens the directory in a gateway process. Picklable: a plain function."""


class DoorWiring:
    """Adapters on Redis and the directory (implements `serve.doors.AdaptersBuilder`).

    The signing keys are read here, by whoever starts the system, so that every gateway on every
    node has the same ones.
    """

    def __init__(self, actors: Wiring, people: OpenPeople) -> None:
        self.actors = actors
        self._people = people
        self._key_set = load_key_set(actors.settings.keys_dir)
        self.keys = self._key_set.keys
        self.issuer = actors.settings.base_url

    def bots(self) -> BotWiring:
        """Return what the bots' processes need."""
        actors = self.actors
        return BotWiring(
            actors.settings,
            actors.redis_url,
            keys=self.keys,
            issuer=self.issuer,
            in_ray=actors.in_ray,
        )

    def outcomes(self) -> StreamSink:
        """Return where whoever answers tells what became of questions; it must be run."""
        return self.bots().outcomes()

    async def adapters(self, name: str) -> Adapters:
        """Return the adapters of one gateway process."""
        settings, redis = self.actors.settings, self.actors.redis()
        lease = WorkerLease(redis, lease_s=settings.id_lease_s)
        configs = ConfigCache(RedisConfigs(redis, check_s=settings.config_check_s))
        people = await self._people(settings)
        sealed = RedisSealedKeys(redis)
        if not is_announced(await sealed.read(), self._key_set):
            await sealed.write(seal(self._key_set))
        objects, index = open_objects(settings), RedisDecisionIndex(redis)
        engine = None if people.directory is None else people.directory.engine
        tickets = None if engine is None else SqlTickets(engine)
        # Its process starts with the first file; a gateway that never records has none.
        # It stays in its gateway's process group, by which Ray ends it with a gateway that died.
        elsewhere = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        recorder = Recorder(
            RedisFacts(redis, name, cluster=settings.redis_cluster),
            objects,
            index,
            rows=rows_in(engine, tickets),
            file_s=settings.decisions_file_s,
            work=partial(asyncio.get_running_loop().run_in_executor, elsewhere),
        )
        jobs: dict[str, Job] = {"ids": lease.run, "configs": configs.run, "recorder": recorder.run}
        metrics = self.actors.metrics(name)
        jobs["backlog"] = BacklogGauge(redis, name, metrics).run
        jobs |= jobs_of(people, redis, name)

        @asynccontextmanager
        async def opened() -> AsyncIterator[None]:
            await lease.acquire()
            try:
                async with beside(jobs):
                    yield
            finally:
                await lease.release()
                elsewhere.shutdown(wait=False, cancel_futures=True)
                await redis.aclose()

        return Adapters(
            customers=RedisCustomers(redis),
            configs=configs,
            sites=people.sites,
            accounts=people.accounts,
            history=RedisHistory(redis),
            metrics=metrics,
            keys=self.keys,
            issuer=self.issuer,
            oauth=self._oauth(people, redis, sealed),
            config_news=configs.listen,
            new_id=lease.next,
            ready=lambda: _answers(redis),
            opened=opened,
            limits=limits_of(settings),
            directory=people.directory,
            acts=ActStreams(redis),
            decisions=DecisionReader(objects, index),
            tickets=tickets,
            proxies_n=settings.trusted_proxies + forwarding_proxies(),
            origins=own_origins(settings),
        )

    def _oauth(self, people: People, redis: Redis, sealed: RedisSealedKeys) -> OAuthWorld | None:
        """Return what the authorization server needs, None where there is none."""
        if people.registry is None or people.changing is None:
            return None
        return OAuthWorld(
            url=self.issuer,
            revocations=RedisRevocations(redis),
            grants=RedisGrants(redis),
            registry=people.registry,
            accounts=people.changing,
            sealed_keys=sealed,
            password_door=self.actors.settings.takes_passwords,
        )


def rows_in(engine: AsyncEngine | None, tickets: SqlTickets | None) -> dict[str, Rows]:
    """Return the tables that the recorder fills; without a directory there are none."""
    if engine is None or tickets is None:
        return {}
    return {"ticket": tickets, "bot_rating": OutcomeStore(engine)}


def jobs_of(people: People, redis: Redis, name: str) -> dict[str, Job]:
    """Return what a gateway does for the directory while its doors are open."""
    jobs: dict[str, Job] = {}
    publish, teach = people.publish, people.teach
    if publish is not None:
        jobs["publisher"] = lambda: publish(RedisConfigs(redis))
    if people.directory is not None:
        jobs["acts"] = ActCarrier(redis, people.directory).run
    if teach is not None:
        jobs["knowledge"] = lambda: teach(redis, name)
    return jobs


def limits_of(settings: Settings) -> Limits:
    """Return the gateway's bounds as the options set them."""
    return Limits(
        customer_rate=settings.frames_per_s,
        customer_burst=float(settings.frames_burst),
        agent_rate=settings.frames_per_s * AGENT_FACTOR,
        agent_burst=settings.frames_burst * AGENT_FACTOR,
        connections=settings.connections_per_replica,
        queue_bytes=settings.slow_reader_bytes,
    )


def own_origins(settings: Settings) -> frozenset[str]:
    """Return the origins of our own pages: the public one, or this machine's."""
    local = {f"http://localhost:{settings.port}", f"http://127.0.0.1:{settings.port}"}
    public = {origin_of(settings.public_url)} if settings.public_url else local
    return frozenset(public | set(settings.allowed_origins))


def origin_of(url: str) -> str:
    """Return the origin of a page's address, as browsers send it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


async def _answers(redis: Redis) -> bool:
    return bool(await redis.ping())
