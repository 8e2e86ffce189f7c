"""The directory, on SQLite and on a real PostgreSQL."""

import asyncio

import pytest
import yaml
from argon2 import PasswordHasher

from infra.configs import RedisConfigs
from infra.directory.declared import (
    DeclarationError,
    DeclaredAgent,
    DeclaredBar,
    DeclaredQueue,
    parse,
    read_file,
    to_yaml,
)
from infra.directory.migrate import upgrade
from infra.directory.publisher import Publisher
from infra.directory.store import Directory
from tests.support.databases import DEMO, DEMO_PASSWORD

pytest_plugins = ["tests.support.server_fixtures"]
HEAD = "org: a\nname: b\nentry_queue: "


async def test_the_migrations_may_run_again(directory):
    await upgrade(directory.engine)
    assert await directory.versions() == {}


async def test_export_then_import_is_identity(demo):
    first = await demo.read("demo")
    await demo.replace(parse(yaml.safe_load(to_yaml(first)), "the export"))
    assert await demo.read("demo") == first
    assert DEMO_PASSWORD not in to_yaml(first)


async def test_a_password_is_stored_as_argon2id(directory):
    agents = {"alice": {"name": "A", "password_env": "ITS"}}
    queues = {"q": {"name": "q"}}
    whole = {"org": "demo", "name": "x", "entry_queue": "q", "queues": queues, "agents": agents}
    await directory.replace(parse(whole, ""), {"ITS": DEMO_PASSWORD})
    found = await directory.find("demo", "alice")
    assert found.password_hash.startswith("$argon2id$")
    assert PasswordHasher().verify(found.password_hash, DEMO_PASSWORD)
    assert await directory.find("other", "alice") is None


async def test_the_compiled_settings_say_what_the_file_says(demo):
    config = await demo.compile_config("demo")
    assert config.entry_queue == "welcome"
    assert config.queues["orders"].needs == {"orders": 2}
    assert config.agents["alice"].skills == {"travel": 5, "orders": 3, "english": 4}
    assert config.vip_points == {1: 1, 2: 3, 3: 10}
    assert await demo.compile_config("nobody") is None


async def test_every_change_bumps_the_version_and_keeps_the_rest(demo):
    versions = [(await demo.versions())["demo"]]
    before = await demo.find("demo", "bob")
    for change in (
        demo.set_queue("demo", "vip", DeclaredQueue(name="贵宾", groups=["travel"])),
        demo.set_agent("demo", "bob", DeclaredAgent(name="Bob", capacity=9)),
        demo.add_bar("demo", DeclaredBar(kind="ip", value="10.0.0.0/8")),
    ):
        await change
        versions.append((await demo.versions())["demo"])
    assert versions == sorted(set(versions))
    config = await demo.compile_config("demo")
    assert config.queues["vip"].name == "贵宾"
    assert config.agents["bob"].capacity == 9
    assert config.blacklist[0].value == "10.0.0.0/8"
    assert (await demo.find("demo", "bob")).password_hash == before.password_hash
    await demo.remove_bars("demo", "ip", "10.0.0.0/8")
    assert (await demo.compile_config("demo")).blacklist == []


async def test_a_wrong_change_is_refused_and_changes_nothing(demo):
    before = await demo.compile_config("demo")
    with pytest.raises(DeclarationError, match=r"queues\.x\.groups.*given: 'nowhere'"):
        await demo.set_queue("demo", "x", DeclaredQueue(name="x", groups=["nowhere"]))
    with pytest.raises(DeclarationError, match="no organisation 'nobody'"):
        await demo.add_bar("nobody", DeclaredBar(kind="device", value="d"))
    assert await demo.compile_config("demo") == before


async def test_a_password_that_is_not_given_is_named(directory):
    with pytest.raises(DeclarationError, match=r"RAYDESK_DEMO_PASSWORD is not set"):
        await directory.replace(read_file(DEMO), {})


async def test_two_organisations_do_not_touch(demo):
    other = parse(
        {"org": "two", "name": "二", "entry_queue": "q", "queues": {"q": {"name": "q"}}}, ""
    )
    await demo.replace(other)
    assert (await demo.read("two")).agents == {}
    assert "alice" in (await demo.read("demo")).agents


async def test_a_change_is_published_and_a_lost_publish_repaired(demo, redis):
    configs = RedisConfigs(redis)
    publisher = Publisher(demo, configs)
    assert await publisher.publish_changes() == ["demo"]
    assert await publisher.publish_changes() == []
    await demo.add_bar("demo", DeclaredBar(kind="customer", value="恶客"))
    assert await publisher.publish_changes() == ["demo"]
    assert await configs.get("demo") == await demo.compile_config("demo")
    await redis.flushall()
    assert await publisher.publish_changes() == ["demo"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (HEAD + "x\nqueues: {q: {name: q}}", r"entry_queue: one of \['q'\]"),
        (
            HEAD + "q\nqueues: {q: {name: q, accept: x}}",
            r"queues\.q\.accept",
        ),
        (
            HEAD + "q\nqueues: {q: {name: q, acept: auto}}",
            r"queues\.q\.acept",
        ),
        ("org: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_named_with_the_path_and_what_is_allowed(tmp_path, change, told):
    path = tmp_path / "wrong.yaml"
    path.write_text(change)
    with pytest.raises(DeclarationError, match=rf"(?s)wrong\.yaml.*{told}"):
        read_file(path)


async def test_of_many_edits_at_once_none_is_lost(demo):
    others = [
        Directory(str(demo.engine.url.render_as_string(hide_password=False))) for _ in range(3)
    ]
    before = (await demo.versions())["demo"]

    async def bar(directory, n):
        await directory.add_bar("demo", DeclaredBar(kind="customer", value=f"c{n}"))

    await asyncio.gather(*(bar(others[n % 3], n) for n in range(12)))
    barred = {entry.value for entry in (await demo.read("demo")).blacklist}
    assert {f"c{n}" for n in range(12)} <= barred
    assert (await demo.versions())["demo"] >= before + 12
    for other in others:
        await other.close()
