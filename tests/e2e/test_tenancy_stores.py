"""Whatever is stored or counted carries its organisation: keys of Redis, rows of SQL, names of
actors, metrics."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import inspect, text

from actors.addresses import KINDS, Address
from actors.measures import METRICS
from actors.placement import Placement
from infra.configs import RedisConfigs
from infra.journal import keys as journal
from infra.redis_client import connect as connect_redis
from tests.support.real import Real
from tests.support.tenants import Pair

pytest_plugins = ["tests.support.real", "tests.support.tenants"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

NOBODYS_KEYS = {
    r"raydesk:epoch": "a counter of all hosts",
    r"raydesk:hosts": "which host has which role; the role of one entity names its organisation",
    r"\{ids\}:.*": "leases of the numbers that ids are made of",
    r"\{p\d+\}owner:(session|agent|queue|dispatch)": "which host may write a shard",
    r"facts:reader": "which gateway carries facts to their stores",
    r"facts:counter": "which gateway counts the facts that wait",
    r"\{acts\}carrier": "which gateway carries acts to the audit",
    r"\{oauth\}:keys": "signing keys, sealed",
    r"\{revoked\}:number": "a counter",
    r"oauth:s:.*": "sign-ins under way: before the password it is nobody's",
    r"\{knowledge\}:(cursor|group|number).*": "a reader's place",
}
"""Keys without an organisation, and why."""


async def entries_of(redis: Any, key: bytes) -> list[bytes]:
    """Return what is stored under a key, one element per entry."""
    match await redis.type(key):
        case b"string":
            return [await redis.get(key)]
        case b"hash":
            found = await redis.hgetall(key)
            # A hash that is one thing says whose it is in one of its fields.
            one_thing = {b"body", b"session", b"epoch"} & set(found)
            pairs = [name + b"\0" + value for name, value in found.items()]
            return [b"\0".join(pairs)] if one_thing else pairs
        case b"set":
            return list(await redis.smembers(key))
        case b"zset":
            return list(await redis.zrange(key, 0, -1))
        case b"stream":
            return [b"\0".join(fields) for fields in await _raw_stream(redis, key)]
        case kind:
            raise AssertionError(f"{key!r} is a {kind!r}: how does it carry the organisation?")


async def _raw_stream(redis: Any, key: bytes) -> list[list[bytes]]:
    found = await redis.xrange(key)
    return [[part for pair in fields.items() for part in pair] for _, fields in found]


async def test_every_key_in_redis_or_each_of_its_entries_names_an_organisation(
    pair: Pair, real: Real
) -> None:
    assert pair.session
    redis = connect_redis(real.redis_url)
    orgs = {org.encode() for org in await RedisConfigs(redis).versions()}
    strange, seen = [], set()
    async for key in redis.scan_iter(count=1000):
        name = key.decode()
        seen.add(re.sub(r"\d+|\{.*\}", "*", name.split("/")[0]))
        if any(re.fullmatch(pattern, name) for pattern in NOBODYS_KEYS):
            continue
        if any(re.search(rb"(^|[/:{])" + re.escape(org) + rb"($|[/:}%])", key) for org in orgs):
            continue
        nobodys = [one for one in await entries_of(redis, key) if not any(o in one for o in orgs)]
        if nobodys:
            strange.append((name, nobodys[0][:200]))
    await redis.aclose()
    assert strange == []
    assert len(seen) >= 8, f"the system was not busy: {seen}"


def columns_of(connection: Any, table: str) -> dict[str, Any]:
    """Return a table's columns by name."""
    return {one["name"]: one for one in inspect(connection).get_columns(table)}


async def test_every_row_in_sql_names_an_organisation(pair: Pair) -> None:
    engine = pair.victim.shop._directory.engine
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda c: inspect(c).get_table_names())
        for table in set(tables) - {"alembic_version"}:
            columns = await connection.run_sync(columns_of, table)
            own = "id" if table == "organisations" else "org"
            assert own in columns, table
            assert not columns[own]["nullable"], table
            quoted = engine.dialect.identifier_preparer.quote(table)
            empty = f"SELECT count(*) FROM {quoted} WHERE {own} = ''"  # our own names
            assert (await connection.execute(text(empty))).scalar() == 0, table


def test_every_actor_is_named_by_its_organisation() -> None:
    for kind in KINDS:
        address = Address(kind, "acme", "1")
        assert str(address) == f"{kind}/acme/1"
        placement = Placement(session="per-entity", agent="per-entity")
        assert placement.role(address) == str(address)
        assert "/acme/" in journal.records(address)
        assert "/acme/" in journal.timeline(address, "main")


def test_every_metric_of_an_organisation_has_its_label() -> None:
    named = {name for name, one in METRICS.items() if one.label in ("queue", "state", "status")}
    assert named <= {name for name, one in METRICS.items() if one.org}
