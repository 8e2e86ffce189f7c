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
from infra.redis_client import connect
from infra.settings import Settings, async_sql_url
from infra.valkey import ValkeyServer
from serve.identity import Identity
from serve.oauth.__main__ import main
from serve.oauth.key_following import KeyFollower
from serve.signing_keys import (
    KeySet,
    is_announced,
    load_key_set,
    make_key,
    rotate,
    seal,
    unseal,
)
from serve.tokens import Tokens, read_header
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


async def test_a_store_that_outlived_a_rotation_takes_no_key_back(
    redis: Redis, tmp_path: Path
) -> None:
    old = load_key_set(tmp_path)
    store = RedisSealedKeys(redis)
    await store.write(seal(old))
    assert is_announced(await store.read(), old)
    new = rotate(tmp_path, 1000.0, 300.0)
    assert not is_announced(await store.read(), new)
    tokens = Tokens(new.keys)
    follower = KeyFollower(tokens, new.keys, store)
    await follower.look()
    assert [key["kid"] for key in tokens.jwks(1001.0)["keys"]] == [key.kid for key in new.keys]
    await store.write(seal(new))
    await follower.look()
    who = Identity(org="acme", subject="ann", role="agent")
    early, late = tokens.issue_access(who, 1009.0), tokens.issue_access(who, 1010.0)
    assert tokens.verify(early, 1010.0).subject == tokens.verify(late, 1010.0).subject == "ann"
    assert read_header(early).kid != read_header(late).kid


@pytest.mark.parametrize(
    "arguments",
    [
        ["client", "acme", "crm", "--redirect", "https://a.example/"],
        ["rotate-keys"],
        ["end", "a", "b"],
    ],
)
async def test_the_command_line_sets_things_up_and_says_what_it_needs(
    valkey_server: ValkeyServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYDESK_DATA_DIR", str(tmp_path))
    engine = create_async_engine(Settings().sql_url)
    await add_organisations(engine)
    await engine.dispose()
    assert await asyncio.to_thread(main, ["client", "nowhere", "crm"]) == 1
    without = await asyncio.to_thread(main, arguments)
    assert without == (1 if arguments[0] == "end" else 0)
    monkeypatch.setenv("REDIS_URL", valkey_server.url)
    assert await asyncio.to_thread(main, arguments) == 0
    assert capsys.readouterr().out
    if arguments[0] == "rotate-keys":
        redis = connect(valkey_server.url)
        assert is_announced(await RedisSealedKeys(redis).read(), load_key_set(tmp_path / "keys"))
        await redis.aclose()
        assert len(load_key_set(tmp_path / "keys").keys) == 3


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = async_sql_url(await server.new_database())
    engine = create_async_engine(url)
    await add_organisations(engine)
    yield engine
    await engine.dispose()


async def add_organisations(engine: AsyncEngine) -> None:
    """Add two organisations of which nothing is known."""
    table = Organisation.__table__
    empty = {
        column.name: {} if "JSON" in str(column.type) else column.type.python_type()
        for column in table.c
    }
    async with engine.begin() as connection:
        await connection.run_sync(Organisation.metadata.create_all)
        for org in ("acme", "other"):
            await connection.execute(table.insert(), [{**empty, "id": org}])


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
