"""What the authorization server remembers, against real stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra.directory.tables import Organisation
from infra.oauth_store import (
    Client,
    Code,
    Family,
    Pending,
    Provider,
    RedisGrants,
    RedisSealedKeys,
)
from infra.oauth_store_sql import SqlRegistry
from infra.settings import async_sql_url
from serve.signing_keys import KeySet, load_key_set, make_key, rotate, seal, unseal
from tests.support.servers import PostgresServer

pytest_plugins = ["tests.support.server_fixtures"]

FAMILY = Family(key="f", org="acme", account="ann", client_id="c", auth_time=1.5, stamp="s")
CODE = Code(
    client_id="c",
    redirect_uri="https://a.example/",
    challenge="x",
    org="组织",
    account="安",
    auth_time=1795517000.25,
    stamp="",
    family="f",
)


async def test_a_code_is_used_once_however_many_try(redis: Redis) -> None:
    grants = RedisGrants(redis)
    await grants.put_code("secret", CODE, 60.0)
    assert sorted(await asyncio.gather(*(grants.use_code("secret") for _ in range(9)))) == [
        *[False] * 8,
        True,
    ]
    assert await grants.code("secret") == msgspec.structs.replace(CODE, used=True)
    assert not await grants.use_code("another")
    assert not [key for key in await redis.keys("*") if b"secret" in key]


async def test_a_sign_in_is_taken_once(redis: Redis) -> None:
    grants = RedisGrants(redis)
    pending = Pending(request={"state": "ü"}, browser="b", csrf="c")
    await grants.put_pending("k", pending, 60.0)
    assert await grants.pending("k") == pending
    taken = await asyncio.gather(*(grants.take_pending("k") for _ in range(5)))
    assert [one for one in taken if one is not None] == [pending]


async def test_of_two_refreshes_at_once_both_get_the_same_next_token(redis: Redis) -> None:
    grants = RedisGrants(redis)
    await grants.open_family(FAMILY)
    found = await asyncio.gather(*(grants.rotate("f", 1) for _ in range(6)))
    assert sorted(one.kind for one in found) == ["new", *["repeat"] * 5]
    assert {one.generation for one in found} == {2}


async def test_an_old_token_is_known_as_such_after_the_grace(redis: Redis) -> None:
    grants = RedisGrants(redis, grace_s=0.0)
    await grants.open_family(FAMILY)
    await grants.rotate("f", 1)
    assert (await grants.rotate("f", 1)).kind == "reused"
    assert (await grants.rotate("f", 7)).kind == "gone"
    assert (await grants.rotate("no such family", 1)).kind == "gone"


async def test_two_generations_back_is_reuse_even_within_the_grace(redis: Redis) -> None:
    grants = RedisGrants(redis, grace_s=30.0)
    await grants.open_family(FAMILY)
    await grants.rotate("f", 1)
    await grants.rotate("f", 2)
    assert (await grants.rotate("f", 1)).kind == "reused"
    assert (await grants.rotate("f", 2)).kind == "repeat"


async def test_families_are_found_by_account_and_end(redis: Redis) -> None:
    grants = RedisGrants(redis)
    await grants.open_family(FAMILY)
    await grants.open_family(msgspec.structs.replace(FAMILY, key="g"))
    await grants.open_family(msgspec.structs.replace(FAMILY, key="h", org="other"))
    assert sorted(await grants.families_of("acme", "ann")) == ["f", "g"]
    await grants.end_family("f")
    await grants.end_family("f")
    assert await grants.families_of("acme", "ann") == ["g"]
    assert await grants.family("f") is None


async def test_no_name_reaches_another_key(redis: Redis) -> None:
    grants = RedisGrants(redis)
    await grants.remember_device("a", "b\nc", "d")
    assert await grants.knows_device("a", "b\nc", "d")
    assert not await grants.knows_device("a\nb", "c", "d")
    assert not await grants.knows_device("a", "b\nc", "")
    await grants.open_family(msgspec.structs.replace(FAMILY, org="a:b", account="c"))
    assert await grants.families_of("a", "b:c") == []


async def test_a_rotation_reaches_whoever_has_an_older_key_and_nobody_else(
    redis: Redis, tmp_path: Path
) -> None:
    old = load_key_set(tmp_path)
    new = rotate(tmp_path, 1000.0, 300.0)
    store = RedisSealedKeys(redis)
    await store.write(seal(new))
    found = await store.read()
    assert unseal(found, old.keys) == new == load_key_set(tmp_path)
    assert unseal(found, [make_key()]) is None
    assert not any(old.keys[0].d.encode() in data for data in found.values())
    await store.write(seal(KeySet(keys=[make_key()])))
    assert unseal(await store.read(), new.keys) is None


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = async_sql_url(await server.new_database())
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Organisation.metadata.create_all)
        columns = {c.name: "{}" if "JSON" in str(c.type) else "0" for c in Organisation.__table__.c}
        for org in ("acme", "other"):
            await connection.execute(
                Organisation.__table__.insert(), [{**_row(columns), "id": org}]
            )
    yield engine
    await engine.dispose()


def _row(columns: dict[str, str]) -> dict[str, object]:
    row: dict[str, object] = {}
    for column in Organisation.__table__.c:
        kind = column.type.python_type
        row[column.name] = (
            {} if columns[column.name] == "{}" else kind() if kind is not bool else False
        )
    return row


async def test_the_registry_keeps_what_it_is_given(engine: AsyncEngine) -> None:
    registry = SqlRegistry(engine)
    await registry.prepare()
    await registry.prepare()
    client = Client(id="crm", org="acme", name="CRM", redirect_uris=["https://a/"], grants=["x"])
    await registry.set_client(client)
    await registry.set_client(msgspec.structs.replace(client, name="CRM 2"))
    assert await registry.client("crm") == msgspec.structs.replace(client, name="CRM 2")
    assert await registry.client("' OR 1=1 --") is None
    provider = Provider(
        org="acme", id="sso", issuer="https://i", client_id="c", roles={"组": "agent"}
    )
    await registry.set_provider(provider)
    assert await registry.providers() == await registry.providers("acme") == [provider]
    assert await registry.providers("other") == []
    await registry.remove_provider("acme", "sso")
    assert await registry.providers() == []
    await registry.set_totp("acme", "ann", "S")
    assert (await registry.totp("acme", "ann"), await registry.totp("other", "ann")) == ("S", "")
    await registry.set_totp("acme", "ann", "")
    assert await registry.totp("acme", "ann") == ""
