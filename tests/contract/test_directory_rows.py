"""Row-level writes of the directory: every kind, the rules, concurrency. SQLite and PostgreSQL."""

import asyncio
import datetime as dt

import pytest

from actors.dispatch.guarded import use_folder
from infra.directory import declared_rows as d
from infra.directory.audit import By
from infra.directory.declared import parse
from infra.directory.kinds import BY_NAME, KINDS
from infra.directory.refusals import RefusedError
from infra.directory.store import Directory

pytest_plugins = ["tests.support.server_fixtures"]
BY = By(subject="ann", role="admin", address="192.0.2.1")

NEW_YEAR = d.DeclaredHoliday(date=dt.date(2027, 1, 1), name="元旦")
HOLIDAYS = d.DeclaredHolidays(name="中国", days=[NEW_YEAR])
SAMPLES = {
    "holidays": ("cn", HOLIDAYS),
    "hours": ("day", d.DeclaredHours(name="白天", week={"mon": ["09:00-18:00"]})),
    "groups": ("night", d.Named(name="夜班")),
    "skills": ("french", d.Named(name="法语")),
    "dispositions": ("lost", d.DeclaredDisposition(name="lost", position=9)),
    "queues": ("vip", d.DeclaredQueue(name="贵宾", groups=["travel"], needs={"english": 2})),
    "roles": ("coach", d.DeclaredRole(name="教练", permissions=["sessions:watch"])),
    "accounts": ("dora", d.DeclaredAgent(name="Dora", groups=["orders"], skills={"orders": 2})),
    "blacklist": ("b1", d.DeclaredBar(id="b1", kind="ip", value="10.0.0.0/8", reason="spam")),
    "customers": ("c1", d.DeclaredCustomer(name="顾客", vip=2, attributes={"city": "上海"})),
    "sites": ("shop", d.DeclaredSite(name="店", origins=["https://shop.example"], secret="s3")),
    "canned-replies": (
        "hi",
        d.DeclaredReply(title="Hi", text="您好 {{customer_name}}", owner="bob"),
    ),
    "settings": ("group:travel", d.DeclaredSettings(language="zh", sound=False)),
}


async def create(directory, name, key, value, org="demo"):
    async with directory.writing(org, BY) as writer:
        return await writer.create(BY_NAME[name], key, value)


async def update(directory, name, key, value):
    async with directory.writing("demo", BY) as writer:
        return await writer.update(BY_NAME[name], await writer.get(BY_NAME[name], key), value)


async def delete(directory, name, key):
    async with directory.writing("demo", BY) as writer:
        await writer.delete(BY_NAME[name], await writer.get(BY_NAME[name], key))


async def refused(code, work):
    with pytest.raises(RefusedError) as caught:
        await work
    assert caught.value.code == code
    return str(caught.value)


def test_every_kind_has_a_sample():
    assert list(SAMPLES) == [kind.name for kind in KINDS]


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_row_of_every_kind_is_made_read_changed_and_removed(demo, name):
    kind, (key, value) = BY_NAME[name], SAMPLES[name]
    made = await create(demo, name, key, value)
    assert await demo.get("demo", kind, key) == made
    assert made.value == value
    assert made.version == (await demo.versions())["demo"]
    exported = await demo.read("demo")
    field = "name" if "name" in kind.declared.model_fields else next(iter(kind.public.model_fields))
    other = {"name": "other", "kind": "device", "title": "other", "language": "en"}[field]
    changed = await update(demo, name, key, value.model_copy(update={field: other}))
    assert changed.version > made.version
    assert getattr((await demo.get("demo", kind, key)).value, field) == other
    await delete(demo, name, key)
    assert await demo.get("demo", kind, key) is None
    await demo.replace(exported)
    assert await demo.read("demo") == exported


async def test_a_write_touches_no_other_row(demo):
    queues = BY_NAME["queues"]
    before = {row.id: row for row in await demo.list_rows("demo", queues)}
    await update(demo, "queues", "travel", d.DeclaredQueue(name="Reise"))
    after = {row.id: row for row in await demo.list_rows("demo", queues)}
    assert {key for key in before if before[key] != after[key]} == {"travel"}


async def test_an_import_writes_the_rows_that_differ_and_no_others(demo):
    whole = await demo.read("demo")
    changed = {**whole.queues, "orders": whole.queues["orders"].model_copy(update={"limit": 3})}
    done = await demo.replace(whole.model_copy(update={"queues": changed}))
    assert done == {"created": 0, "updated": 1, "deleted": 0}
    before = await demo.versions()
    assert await demo.replace(await demo.read("demo")) == {"created": 0, "updated": 0, "deleted": 0}
    assert await demo.versions() == before


async def test_the_same_value_again_changes_no_version(demo):
    before = await demo.versions()
    row = await demo.get("demo", BY_NAME["queues"], "orders")
    assert await update(demo, "queues", "orders", row.value) == row
    assert await demo.versions() == before


async def test_a_row_made_again_never_has_a_version_that_it_had(demo):
    seen = []
    for _ in range(3):
        seen.append((await create(demo, "groups", "x", d.Named(name="x"))).version)
        await delete(demo, "groups", "x")
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("code", "told", "row"),
    [
        ("exists", "'travel' already", ("queues", "travel", d.DeclaredQueue(name="new"))),
        (
            "name_taken",
            "'travel' has this name",
            ("groups", "t2", d.Named(name="旅游咨询 Travel")),
        ),
        (
            "unknown_reference",
            r"queues.q2.needs: one of ['english', 'orders', 'travel']; given: 'latin'",
            ("queues", "q2", d.DeclaredQueue(name="q2", needs={"latin": 1})),
        ),
        (
            "unknown_reference",
            "queues.q2.hours: one of []; given: 'day'",
            ("queues", "q2", d.DeclaredQueue(name="q2", hours="day")),
        ),
        (
            "unknown_reference",
            "given: 'nobody'",
            ("settings", "account:nobody", d.DeclaredSettings()),
        ),
    ],
)
async def test_a_refused_row_is_explained_and_changes_nothing(demo, code, told, row):
    before = await demo.read_versioned("demo")
    assert told in await refused(code, create(demo, *row))
    assert await demo.read_versioned("demo") == before


async def test_a_site_key_of_another_organisation_is_taken(demo):
    other = {"org": "two", "name": "二", "entry_queue": "q", "queues": {"q": {"name": "q"}}}
    await demo.replace(parse(other, ""))
    site = d.DeclaredSite(name="mine")
    told = await refused("site_key_taken", create(demo, "sites", "demo-site", site, org="two"))
    assert "demo" not in told.replace("demo-site", "")
    with_site = parse({**other, "sites": {"demo-site": {"name": "mine"}}}, "")
    await refused("site_key_taken", demo.replace(with_site))
    assert (await demo.site("demo-site")).org == "demo"


async def test_two_organisations_that_want_one_site_key_at_once_get_one_site(demo):
    for org in ("two", "three"):
        row = {"org": org, "name": org, "entry_queue": "q", "queues": {"q": {"name": "q"}}}
        await demo.replace(parse(row, ""))
    site = d.DeclaredSite(name="mine")
    done = await asyncio.gather(
        *(create(demo, "sites", "both", site, org=org) for org in ("two", "three")),
        return_exceptions=True,
    )
    failed = [one for one in done if isinstance(one, Exception)]
    assert [one.code for one in failed] == ["site_key_taken"]


async def test_what_is_in_use_stays_and_says_by_whom(demo):
    told = await refused("in_use", delete(demo, "groups", "travel"))
    assert "queues.travel.groups" in told
    assert "organisation.entry_queue" in await refused("in_use", delete(demo, "queues", "welcome"))
    assert "queues.welcome.overflow_to" in await refused("in_use", delete(demo, "queues", "travel"))


async def test_what_is_somebodys_own_goes_with_the_account(demo):
    await create(demo, "canned-replies", "hi", d.DeclaredReply(title="a", text="b", owner="bob"))
    await create(demo, "settings", "account:bob", d.DeclaredSettings(sound=True))
    await delete(demo, "accounts", "bob")
    whole = await demo.read("demo")
    assert (whole.canned_replies, whole.settings) == ({}, {})


async def test_unknown_rows_and_organisations_are_refused(demo):
    await refused("not_found", delete(demo, "queues", "nowhere"))
    await refused("not_found", create(demo, "groups", "x", d.Named(name="x"), org="nobody"))


async def test_of_concurrent_edits_of_different_rows_none_is_lost(demo):
    url = demo.engine.url.render_as_string(hide_password=False)
    others = [Directory(url) for _ in range(3)]
    await asyncio.gather(
        *(
            create(others[n % 3], "customers", f"c{n:02}", d.DeclaredCustomer(vip=n))
            for n in range(15)
        )
    )
    found = await demo.list_rows("demo", BY_NAME["customers"])
    assert [(row.id, row.value.vip) for row in found] == [(f"c{n:02}", n) for n in range(15)]
    assert len({row.version for row in found}) == 15
    for other in others:
        await other.close()


async def test_of_concurrent_edits_from_one_version_one_wins(demo):
    """What If-Match does: read, compare, write, in one transaction."""
    kind = BY_NAME["queues"]
    start = await demo.get("demo", kind, "orders")
    url = demo.engine.url.render_as_string(hide_password=False)
    others = [Directory(url) for _ in range(4)]

    async def edit(directory, n):
        async with directory.writing("demo", BY) as writer:
            row = await writer.get(kind, "orders")
            if row.version != start.version:
                return False
            await writer.update(kind, row, row.value.model_copy(update={"limit": 100 + n}))
            return True

    won = await asyncio.gather(*(edit(one, n) for n, one in enumerate(others)))
    assert sorted(won) == [False, False, False, True]
    stored = await demo.get("demo", kind, "orders")
    assert stored.value.limit == 100 + won.index(True)
    for other in others:
        await other.close()


async def test_lists_go_page_by_page_with_filters(demo):
    accounts = BY_NAME["accounts"]

    async def ids(**filters):
        return [row.id for row in await demo.list_rows("demo", accounts, filters=filters)]

    assert await ids(role="leader") == ["lead"]
    assert await ids(kind="bot") == ["robot"]
    assert await ids(group="travel", skill="english") == ["alice"]
    assert await ids(q="爱丽") == ["alice"]
    assert await ids(q="%") == []
    first = await demo.list_rows("demo", accounts, limit=4)
    rest = await demo.list_rows("demo", accounts, limit=4, after=first[-1].id)
    assert [row.id for row in first + rest] == await ids()


async def test_hours_and_holidays_reach_the_actors(demo):
    closed = d.DeclaredHoliday(date=dt.date(2027, 2, 6))
    half = d.DeclaredHoliday(date=dt.date(2027, 2, 5), open=["09:00-12:00"])
    days = d.DeclaredHolidays(name="春节", days=[closed, half])
    await create(demo, "holidays", "cn", days)
    week: dict[d.Weekday, list[str]] = {"mon": ["09:00-12:00", "13:00-24:00"]}
    await create(demo, "hours", "day", d.DeclaredHours(name="白天", week=week, holidays=["cn"]))
    whole = await demo.read("demo")
    queue = whole.queues["orders"].model_copy(update={"hours": "day"})
    await update(demo, "queues", "orders", queue)
    compiled = (await demo.compile_config("demo")).queues["orders"].hours
    assert compiled.time_zone == "Asia/Shanghai"
    assert compiled.week == [[(540, 720), (780, 1440)], [], [], [], [], [], []]
    assert compiled.days == {"2027-02-05": [(540, 720)], "2027-02-06": []}
    assert "hours.day.holidays" in await refused("in_use", delete(demo, "holidays", "cn"))


async def test_a_queue_with_a_policy_that_cannot_be_used_is_not_saved(demo):
    wrong = d.DeclaredQueue(name="q2", policy="no_such")
    told = await refused("unusable_policy", create(demo, "queues", "q2", wrong))
    assert told.startswith("queues.q2.policy: one of [")
    cap = d.DeclaredQueue(name="Reise", policy="fixed_cap", policy_params={"cap": 0})
    told = await refused("unusable_policy", update(demo, "queues", "travel", cap))
    assert told.startswith("queues.travel.policy_params: fixed_cap.cap: ")
    whole = await demo.read("demo")
    file = whole.model_copy(update={"queues": {**whole.queues, "q2": wrong}})
    await refused("unusable_policy", demo.replace(file))
    assert await demo.read("demo") == whole


async def test_a_queue_stays_readable_and_writable_when_its_policy_goes(demo, tmp_path):
    (tmp_path / "mine.py").write_text("class Mine: ...")
    use_folder(tmp_path)
    mine = d.DeclaredQueue(name="q2", policy="mine.py:Mine", policy_params={"depth": 2})
    await create(demo, "queues", "q2", mine)
    use_folder(None)
    assert (await demo.read("demo")).queues["q2"] == mine
    assert (await demo.compile_config("demo")).queues["q2"].policy == "mine.py:Mine"
    await update(demo, "queues", "q2", mine.model_copy(update={"limit": 5}))
    other = mine.model_copy(update={"policy_params": {}})
    await refused("unusable_policy", update(demo, "queues", "q2", other))


async def test_result_codes_say_what_they_mean_to_the_actors(demo):
    for key, solved in (("good", True), ("bad", False), ("neither", None)):
        named = d.DeclaredDisposition(name=f"it is {key}", solved=solved)
        await create(demo, "dispositions", key, named)
    off = d.DeclaredDisposition(name="old", solved=True, enabled=False)
    await create(demo, "dispositions", "old", off)
    told = (await demo.compile_config("demo")).solved_by
    for by in ("{}", "it is {}"):
        said = [told.get(by.format(key)) for key in ("good", "bad", "neither")]
        assert said == [True, False, None]
    assert "old" not in told
