"""The administration API beyond rows: the organisation and its file, members, settings, calendars,
the audit. On SQLite and PostgreSQL."""

import pytest
import yaml

from infra.directory.audit import Verified
from tests.support.admin import is_problem

pytest_plugins = ["tests.support.server_fixtures"]
YAML = "application/yaml"
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20200101
RRULE:FREQ=YEARLY
SUMMARY:元旦
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


async def test_the_organisations_own_settings_are_read_and_changed(admin, demo):
    read = await admin("GET", "/organisation")
    assert (read.json()["id"], read.json()["entry_queue"]) == ("demo", "welcome")
    change = {"grace_s": 30, "vip_points": {"1": None, "4": 50}}
    done = await admin("PATCH", "/organisation", change, if_match=read.headers["etag"])
    assert done.json()["vip_points"] == {"2": 3.0, "3": 10.0, "4": 50.0}
    assert (await demo.compile_config("demo")).grace_s == 30
    stale = await admin("PATCH", "/organisation", change, if_match=read.headers["etag"])
    is_problem(stale, 412, "stale")
    wrong = await admin("PATCH", "/organisation", {"entry_queue": "nowhere"}, if_match="*")
    is_problem(wrong, 422, "unknown_reference")
    body = {k: v for k, v in done.json().items() if k not in ("id", "version")}
    put = await admin("PUT", "/organisation", {**body, "name": "新"}, if_match="*")
    assert put.json()["name"] == "新"


async def test_another_row_does_not_change_the_organisations_etag(admin):
    before = await admin.etag("/organisation")
    await admin("POST", "/groups", {"id": "x", "name": "x"})
    assert await admin.etag("/organisation") == before


async def test_the_whole_organisation_goes_out_and_in_as_one_file(admin, demo):
    before = await demo.read("demo")
    out = await admin("GET", "/organisation/file")
    assert out.headers["content-type"].startswith(YAML)
    etag = out.headers["etag"]
    same = await admin("PUT", "/organisation/file", out.text, if_match=etag, content_type=YAML)
    assert same.json().items() >= {"created": 0, "updated": 0, "deleted": 0}.items()
    assert await demo.read("demo") == before
    content = yaml.safe_load(out.text)
    content["groups"]["new"] = "新 New"
    content["queues"]["orders"]["limit"] = 5
    del content["agents"]["bob"]
    text = yaml.safe_dump(content, allow_unicode=True)
    tried = await admin(
        "PUT", "/organisation/file?dry_run=true", text, if_match="*", content_type=YAML
    )
    assert tried.json().items() >= {"created": 1, "updated": 1, "deleted": 1}.items()
    assert await demo.read("demo") == before
    done = await admin("PUT", "/organisation/file", text, if_match="*", content_type=YAML)
    assert done.json() == {**tried.json(), "version": done.json()["version"]}
    after = await demo.read("demo")
    assert after.queues["orders"].limit == 5
    content["queues"]["orders"]["policy"] = "no_such"
    text = yaml.safe_dump(content, allow_unicode=True)
    wrong = await admin("PUT", "/organisation/file", text, if_match="*", content_type=YAML)
    problem = is_problem(wrong, 422, "unusable_policy")
    assert problem["detail"].startswith("queues.orders.policy: one of [")
    assert await demo.read("demo") == after
    assert "bob" not in after.agents
    assert after.agents["alice"] == before.agents["alice"]
    acts = (await admin("GET", "/audit?limit=4")).json()["items"]
    assert sorted((act["action"], act["row"]) for act in acts) == [
        ("create", "new"),
        ("delete", "bob"),
        ("import", "demo"),
        ("update", "orders"),
    ]
    old = await admin("PUT", "/organisation/file", text, if_match=etag, content_type=YAML)
    is_problem(old, 412, "stale")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("org: two", "in"),
        ("entry_queue: nowhere", "entry_queue: one of"),
        ("agents: {x: {name: x, password_env: PATH}}", "over this door"),
        ("groups: &a {x: x}\nskills: *a", "aliases"),
        ("queues: [", "cannot be read"),
    ],
)
async def test_a_wrong_file_is_refused_and_changes_nothing(admin, demo, change, told):
    before = await demo.read_versioned("demo")
    base = {"org": "demo", "name": "x", "entry_queue": "q"}
    name = change.split(":")[0]
    lines = [f"{key}: {value}" for key, value in base.items() if key != name]
    queues = [] if name == "queues" else ["queues: {q: {name: q}}"]
    text = "\n".join([*lines, *queues, change])
    answer = await admin("PUT", "/organisation/file", text, if_match="*", content_type=YAML)
    problem = is_problem(answer, 422, "invalid")
    assert told in str(problem["errors"])
    assert await demo.read_versioned("demo") == before


async def test_a_file_without_an_administrator_is_refused(admin, demo):
    text = "org: demo\nname: x\nentry_queue: q\nqueues: {q: {name: q}}"
    answer = await admin("PUT", "/organisation/file", text, if_match="*", content_type=YAML)
    is_problem(answer, 409, "last_administrator")
    assert "alice" in (await demo.read("demo")).agents


async def test_members_and_skills_are_set_one_by_one(admin, demo):
    assert (await admin("PUT", "/groups/orders/members/bob")).status_code == 204
    assert (await admin("PUT", "/groups/orders/members/bob")).status_code == 204
    level = {"level": 4}
    assert (await admin("PUT", "/accounts/bob/skills/english", level)).status_code == 204
    bob = (await admin("GET", "/accounts/bob")).json()
    assert (bob["groups"], bob["skills"]) == (["orders", "travel"], {"english": 4, "travel": 3})
    assert (await admin("DELETE", "/groups/travel/members/bob")).status_code == 204
    assert (await admin("DELETE", "/accounts/bob/skills/travel")).status_code == 204
    assert (await demo.compile_config("demo")).agents["bob"].groups == ["orders"]
    is_problem(await admin("PUT", "/groups/nowhere/members/bob"), 404, "not_found")
    is_problem(await admin("PUT", "/groups/orders/members/nobody"), 404, "not_found")
    wrong = await admin("PUT", "/accounts/bob/skills/english", {"level": 6})
    is_problem(wrong, 422, "invalid")


async def test_the_nearest_settings_count(admin):
    for id_, values in (
        ("organisation", {"language": "zh", "sound": True, "theme": "dark"}),
        ("group:travel", {"sound": False}),
        ("account:bob", {"theme": "light"}),
    ):
        made = await admin("POST", "/settings", {"id": id_, **values})
        assert made.status_code == 201
    found = (await admin("GET", "/accounts/bob/settings-in-effect")).json()
    assert (found["language"], found["sound"], found["theme"]) == ("zh", False, "light")
    other = (await admin("GET", "/accounts/chen/settings-in-effect")).json()
    assert (other["sound"], other["theme"]) == (True, "dark")


async def test_a_calendar_is_imported_into_holidays(admin):
    made = await admin("POST", "/holidays", {"id": "cn", "name": "中国"})
    path = "/holidays/cn/calendar"
    type_ = {"content_type": "text/calendar; charset=utf-8"}
    is_problem(await admin("POST", path, ICS, **type_), 428, "precondition_required")
    done = await admin("POST", path, ICS, if_match=made.headers["etag"], **type_)
    days = done.json()["days"]
    assert {day["name"] for day in days} == {"元旦"}
    assert all(day["date"].endswith("-01-01") and day["open"] == [] for day in days)
    again = await admin("POST", path, ICS, if_match=done.headers["etag"], **type_)
    assert again.json() == done.json()
    wrong = await admin("POST", path, "no calendar", if_match="*", **type_)
    is_problem(wrong, 422, "invalid")


async def test_the_audit_says_who_did_what_from_where(admin, demo):
    await admin("PATCH", "/queues/orders", {"limit": 7}, if_match="*")
    [act] = (await admin("GET", "/audit?limit=1")).json()["items"]
    assert (act["actor"], act["role"], act["client"]) == ("admin", "admin", "console")
    assert (act["action"], act["resource"], act["row"]) == ("update", "queues", "orders")
    assert (act["before"]["limit"], act["after"]["limit"]) == (10_000, 7)
    whole = (await admin("GET", "/audit/verification")).json()
    [found] = await demo.verify_audit("demo")
    assert isinstance(found, Verified)
    assert whole == {
        "whole": True,
        "entries": found.entries,
        "last_hash": found.last,
        "broken_at": 0,
        "problem": "",
    }


async def test_the_audit_goes_page_by_page(admin):
    for n in range(3):
        await admin("POST", "/groups", {"id": f"g{n}", "name": f"g{n}"})
    first = (await admin("GET", "/audit?actor=admin&limit=2")).json()
    assert [act["row"] for act in first["items"]] == ["g2", "g1"]
    rest = (await admin("GET", f"/audit?actor=admin&limit=2&cursor={first['next']}")).json()
    assert ([act["row"] for act in rest["items"]], rest["next"]) == (["g0"], None)
