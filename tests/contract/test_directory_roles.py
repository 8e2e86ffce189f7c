"""Roles of an organisation's own, and that nobody grants what they do not hold. On SQLite and
PostgreSQL."""

import pytest
from pydantic import ValidationError

from actors.permissions import BUILT_IN, NOT_OF_ACCOUNTS, RIGHTS, rights_of
from infra.directory import declared_rows as d
from infra.directory.audit import By
from infra.directory.kinds import BY_NAME
from infra.directory.refusals import RefusedError
from infra.directory.store import hash_passwords

pytest_plugins = ["tests.support.server_fixtures"]

ACCOUNTS, ROLES = BY_NAME["accounts"], BY_NAME["roles"]
HASH = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
HR = ["accounts:read", "accounts:create", "accounts:update", "accounts:delete", "roles:create"]


def role(*permissions, **more):
    return d.DeclaredRole(name="own", permissions=list(permissions), **more)


def account(name, **more):
    return d.DeclaredAgent(name="somebody", role=name, **more)


async def put(directory, kind, key, value, by="admin"):
    async with directory.writing("demo", By(subject="x", role=by)) as writer:
        await writer.put(kind, key, value)


async def change(directory, key, by, **fields):
    async with directory.writing("demo", By(subject="x", role=by)) as writer:
        old = await writer.get(ACCOUNTS, key)
        await writer.update(ACCOUNTS, old, old.value.model_copy(update=fields))


async def remove(directory, kind, key, by="admin"):
    async with directory.writing("demo", By(subject="x", role=by)) as writer:
        await writer.delete(kind, await writer.get(kind, key))


async def refused(code, work):
    with pytest.raises(RefusedError) as caught:
        await work
    assert caught.value.code == code


async def test_a_role_is_compiled_and_says_whether_it_serves(demo):
    await put(demo, ROLES, "coach", role("sessions:watch", "accounts:read", groups_only=True))
    await put(demo, ROLES, "helper", role("socket:open", "offers:answer"))
    await put(demo, ACCOUNTS, "cora", account("coach", groups=["travel"]))
    await put(demo, ACCOUNTS, "hal", account("helper"))
    config = await demo.compile_config("demo")
    assert not config.agents["cora"].works
    assert config.agents["hal"].works
    rights = rights_of(config, "coach", "cora")
    assert rights.permissions == frozenset({"sessions:watch", "accounts:read"})
    assert rights.groups == frozenset({"travel"})
    assert await demo.read("demo")


async def test_a_role_must_be_there_and_stays_while_somebody_has_it(demo):
    await refused("unknown_reference", put(demo, ACCOUNTS, "cora", account("coach")))
    await put(demo, ROLES, "coach", role("sessions:watch"))
    await put(demo, ACCOUNTS, "cora", account("coach"))
    await refused("in_use", remove(demo, ROLES, "coach"))
    await change(demo, "cora", "admin", role="agent")
    await remove(demo, ROLES, "coach")


@pytest.mark.parametrize(
    ("permissions", "groups_only"),
    [
        (["no:such"], False),
        (["organisations:create"], False),
        (["sessions:start"], False),
        (["audit:read"], True),
        (["accounts:update"], True),
    ],
)
def test_what_no_role_may_hold(permissions, groups_only):
    with pytest.raises(ValidationError):
        role(*permissions, groups_only=groups_only)


@pytest.mark.parametrize("name", [*BUILT_IN, *NOT_OF_ACCOUNTS])
async def test_built_in_names_are_taken(demo, name):
    whole = (await demo.read("demo")).model_dump()
    whole["roles"] = {name: {"name": "mine", "permissions": sorted(RIGHTS)[:1]}}
    with pytest.raises(ValidationError):
        type(await demo.read("demo")).model_validate(whole)


@pytest.mark.parametrize("name", NOT_OF_ACCOUNTS)
def test_nobody_signs_in_as_a_customer_or_the_system(name):
    with pytest.raises(ValidationError):
        account(name)


async def test_an_administrator_grants_everything_but_what_spans_organisations(demo):
    for name in BUILT_IN:
        if name not in ("super_admin", "customer"):
            await put(demo, ACCOUNTS, f"new-{name}", account(name))
    await refused("not_held", put(demo, ACCOUNTS, "root", account("super_admin")))
    await refused("not_held", change(demo, "alice", "admin", role="super_admin"))
    await put(demo, ACCOUNTS, "root", account("super_admin"), by="super_admin")
    for fields in ({"role": "agent"}, {"password_hash": HASH}, {"enabled": False}):
        await refused("not_held", change(demo, "root", "admin", **fields))
    await refused("not_held", remove(demo, ACCOUNTS, "root"))
    await change(demo, "root", "admin", capacity=9)


async def test_who_may_only_change_accounts_gains_nothing_by_it(demo):
    await put(demo, ROLES, "hr", role(*HR))
    await refused("not_held", put(demo, ACCOUNTS, "me", account("admin"), by="hr"))
    await refused("not_held", change(demo, "alice", "hr", role="admin"))
    await refused("not_held", change(demo, "admin", "hr", password_hash=HASH))
    await refused("not_held", put(demo, ROLES, "more", role("audit:read"), by="hr"))
    await refused("not_held", put(demo, ROLES, "hr", role(*HR, "audit:read"), by="hr"))
    await refused("not_held", remove(demo, ACCOUNTS, "admin", by="hr"))
    await put(demo, ACCOUNTS, "peer", account("hr"), by="hr")
    await put(demo, ROLES, "less", role("accounts:read"), by="hr")
    await change(demo, "admin", "hr", skills={"travel": 1})


async def test_a_role_that_is_gone_grants_nothing(demo):
    await refused("not_held", put(demo, ACCOUNTS, "me", account("agent"), by="gone"))


async def test_a_file_grants_no_more_than_a_single_change(demo):
    declared = hash_passwords(await demo.read("demo"), {})
    rooted = {**declared.agents, "root": account("super_admin")}
    hired = {**declared.roles, "hr": role(*HR)}
    by = By(subject="x", role="admin")
    with pytest.raises(RefusedError) as caught:
        await demo.replace(declared.model_copy(update={"agents": rooted}), by=by)
    assert caught.value.code == "not_held"
    await demo.replace(declared.model_copy(update={"roles": hired}), by=by)
    both = declared.model_copy(update={"roles": {"hr": role(*HR, "audit:read")}})
    with pytest.raises(RefusedError):
        await demo.replace(both, by=By(subject="x", role="hr"))
    assert (await demo.get("demo", ROLES, "hr")).value == role(*HR)


async def test_somebody_stays_an_administrator(demo):
    by = By(subject="x", role="super_admin")
    async with demo.writing("demo", by) as writer:
        old = await writer.get(ACCOUNTS, "admin")
        await writer.update(ACCOUNTS, old, old.value.model_copy(update={"role": "agent"}))
        with pytest.raises(RefusedError) as caught:
            await writer.check_administrator()
        assert caught.value.code == "last_administrator"
        await writer.put(ACCOUNTS, "root", account("super_admin"))
        await writer.check_administrator()
