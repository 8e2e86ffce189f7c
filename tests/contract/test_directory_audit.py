"""The audit chain: what is written, and every way to tamper with it, on SQLite and PostgreSQL."""

import json

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from infra.directory import declared_rows as d
from infra.directory.audit import Act, BrokenChain, By, Verified, digest
from infra.directory.kinds import BY_NAME
from infra.directory.refusals import RefusedError

pytest_plugins = ["tests.support.server_fixtures"]
BY = By(subject="ann", role="admin", client="console", address="192.0.2.1")


@pytest.fixture
async def acts(demo):
    """The demo organisation, with a few changes made by Ann."""
    for n in range(4):
        async with demo.writing("demo", BY) as writer:
            await writer.create(BY_NAME["groups"], f"g{n}", d.Named(name=f"组 {n}"))
    return demo


async def newest(directory, limit=10, **filters):
    return await directory.audit_page("demo", after=0, limit=limit, filters=filters)


async def tamper(directory, text, **values):
    """Change the table as somebody does who may drop the triggers."""
    async with directory.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for act in ("update", "delete"):
                await connection.exec_driver_sql(f"DROP TRIGGER audit_append_only_{act}")
        else:
            await connection.exec_driver_sql("DROP TRIGGER audit_append_only ON audit")
        assert (await connection.execute(sa.text(text), values)).rowcount


async def test_an_entry_says_who_what_before_after_and_from_where(acts):
    async with acts.writing("demo", BY) as writer:
        kind = BY_NAME["groups"]
        await writer.update(kind, await writer.get(kind, "g1"), d.Named(name="二"))
    [entry] = await newest(acts, 1)
    assert (entry.actor, entry.role, entry.client) == ("ann", "admin", "console")
    assert entry.address == "192.0.2.1"
    assert (entry.action, entry.resource, entry.row) == ("update", "groups", "g1")
    assert (json.loads(entry.before), json.loads(entry.after)) == (
        {"name": "组 1"},
        {"name": "二"},
    )


async def test_acts_that_change_no_row_are_in_the_same_chain(acts):
    before = await acts.versions()
    await acts.record("demo", BY, Act(action="take-over", resource="sessions", row="s1"))
    [entry] = await newest(acts, 1)
    assert (entry.action, entry.row) == ("take-over", "s1")
    assert await acts.versions() == before
    assert isinstance((await acts.verify_audit("demo"))[0], Verified)


async def test_a_refused_change_leaves_no_entry(acts):
    before = (await newest(acts, 1))[0].number

    async def create(*keys):
        async with acts.writing("demo", BY) as writer:
            for key in keys:
                await writer.create(BY_NAME["groups"], key, d.Named(name=key))

    with pytest.raises(RefusedError):
        await create("g9", "g0")
    assert (await newest(acts, 1))[0].number == before


async def test_no_secret_is_in_the_audit(acts):
    async with acts.writing("demo", BY) as writer:
        site = d.DeclaredSite(secret="top-secret-1")
        row = await writer.create(BY_NAME["sites"], "k2", site)
        new = d.DeclaredSite(secret="top-secret-2", name="k")
        await writer.update(BY_NAME["sites"], row, new)
    async with acts.engine.connect() as connection:
        rows = (await connection.execute(sa.text("SELECT before, after FROM audit"))).all()
    text = repr(rows)
    assert "(set)" in text
    assert "(changed)" in text
    assert "top-secret" not in text
    assert "argon2" not in text


async def test_a_whole_chain_is_verified_to_its_end(acts):
    [found] = await acts.verify_audit("demo")
    [last] = await newest(acts, 1)
    assert found == Verified("demo", last.number, last.hash)


@pytest.mark.parametrize("text", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_database_refuses_to_change_the_audit(acts, text):
    with pytest.raises(DBAPIError, match="append-only"):
        async with acts.engine.begin() as connection:
            await connection.exec_driver_sql(text)


@pytest.mark.parametrize("column", ["actor", "role", "address", "action", "row", "before", "after"])
async def test_a_changed_entry_is_found(acts, column):
    [last] = await newest(acts, 1)
    number = last.number - 2
    text = f"UPDATE audit SET {column} = 'x' WHERE org = 'demo' AND number = :n"
    await tamper(acts, text, n=number)
    assert await acts.verify_audit("demo") == [BrokenChain("demo", number, "was changed")]


async def test_a_changed_time_is_found(acts):
    [last] = await newest(acts, 1)
    await tamper(acts, "UPDATE audit SET at_us = at_us - 1 WHERE number = :n", n=last.number)
    assert await acts.verify_audit("demo") == [BrokenChain("demo", last.number, "was changed")]


async def test_an_entry_that_was_hashed_again_breaks_the_next(acts):
    entry = (await newest(acts, 3))[-1]
    entry.actor = "mallory"
    text = "UPDATE audit SET actor = 'mallory', hash = :h WHERE number = :n"
    await tamper(acts, text, h=digest(entry), n=entry.number)
    [found] = await acts.verify_audit("demo")
    assert (found.number, found.problem) == (
        entry.number + 1,
        "does not follow the entry before it",
    )


@pytest.mark.parametrize("back", [0, 2])
async def test_a_removed_entry_is_missed_also_the_last(acts, back):
    [last] = await newest(acts, 1)
    number = last.number - back
    await tamper(acts, "DELETE FROM audit WHERE number = :n", n=number)
    [found] = await acts.verify_audit("demo")
    assert (found.number, found.problem.startswith("is missing")) == (number, True)


async def test_entries_are_filtered_and_paged(acts):
    entries = await newest(acts, 100, actor="ann")
    assert [entry.row for entry in entries] == ["g3", "g2", "g1", "g0"]
    first = await newest(acts, 2, resource="groups", action="create")
    rest = await acts.audit_page("demo", after=first[-1].number, limit=1, filters={"actor": "ann"})
    assert [entry.row for entry in first + rest] == ["g3", "g2", "g1"]
    assert await newest(acts, 10, until_at=0.0) == []
