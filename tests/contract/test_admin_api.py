"""The administration API on the real doors: rows, preconditions, idempotency, refusals. On SQLite
and PostgreSQL."""

import asyncio
import time

import pytest

from infra.directory.kinds import BY_NAME
from serve.admin.forms import FORMS
from serve.identity import Identity
from tests.support.admin import AdminClient, admin_app, is_problem, staff_token
from tests.support.doors import TOKENS

pytest_plugins = ["tests.support.server_fixtures"]

ROWS = {
    "holidays": ({"id": "cn", "name": "中国"}, {"days": [{"date": "2027-01-01"}]}),
    "hours": ({"id": "day", "name": "白天"}, {"week": {"mon": ["09:00-18:00"]}}),
    "groups": ({"id": "night", "name": "夜班"}, {"name": "夜"}),
    "skills": ({"id": "french", "name": "法语"}, {"name": "Français"}),
    "dispositions": ({"id": "lost", "name": "lost"}, {"position": 7}),
    "queues": ({"id": "vip", "name": "贵宾", "groups": ["travel"]}, {"limit": 3}),
    "roles": (
        {"id": "coach", "name": "教练", "permissions": ["sessions:watch"], "groups_only": True},
        {"permissions": []},
    ),
    "accounts": ({"id": "dora", "name": "Dora", "groups": ["orders"]}, {"capacity": 9}),
    "blacklist": ({"kind": "ip", "value": "10.0.0.0/8"}, {"reason": "spam"}),
    "customers": ({"id": "c1", "name": "顾客"}, {"attributes": {"city": "上海"}}),
    "sites": ({"name": "店", "origins": ["https://shop.example"]}, {"look": {"title": "您好"}}),
    "canned-replies": ({"title": "Hi", "text": "您好 {{customer_name}}"}, {"folder": "问候"}),
    "settings": ({"id": "group:travel", "sound": False}, {"language": "zh"}),
}


def test_every_kind_has_its_row_here():
    assert list(ROWS) == list(BY_NAME) == list(FORMS)


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_of_every_kind_is_made_read_changed_and_removed(admin, name):
    new, change = ROWS[name]
    made = await admin("POST", f"/{name}", new)
    assert made.status_code == 201, made.text
    row = made.json()
    path = f"/{name}/{row['id']}"
    assert made.headers["location"].endswith(path.replace(":", "%3A"))
    read = await admin("GET", path)
    assert (read.json(), read.headers["etag"]) == (row, made.headers["etag"])
    assert read.headers["etag"] == f'"{row["version"]}"'
    listed = (await admin("GET", f"/{name}")).json()
    assert row in listed["items"]
    patched = await admin("PATCH", path, change, if_match=made.headers["etag"])
    assert patched.status_code == 200, patched.text
    assert patched.json().items() >= {"id": row["id"]}.items()
    assert patched.headers["etag"] != made.headers["etag"]
    whole = {k: v for k, v in patched.json().items() if k not in ("id", "version")}
    whole = {k: v for k, v in whole.items() if not k.startswith("has_")}
    put = await admin("PUT", path, whole, if_match=patched.headers["etag"])
    assert (put.status_code, put.json()) == (200, patched.json())
    gone = await admin("DELETE", path, if_match=put.headers["etag"])
    assert (gone.status_code, gone.content) == (204, b"")
    is_problem(await admin("GET", path), 404, "not_found")


async def test_a_change_needs_the_version_that_was_read(admin):
    body = {"name": "订单 Orders"}
    is_problem(await admin("PUT", "/queues/orders", body), 428, "precondition_required")
    is_problem(await admin("PUT", "/queues/orders", body, if_match="orders"), 400, "bad_request")
    old = await admin.etag("/queues/orders")
    assert (await admin("PUT", "/queues/orders", body, if_match=old)).status_code == 200
    for method, what in (("PUT", body), ("PATCH", {"limit": 2}), ("DELETE", None)):
        is_problem(await admin(method, "/queues/orders", what, if_match=old), 412, "stale")
        weak = f"W/{await admin.etag('/queues/orders')}"
        is_problem(await admin(method, "/queues/orders", what, if_match=weak), 412, "stale")
    assert (await admin("PATCH", "/queues/orders", {"limit": 2}, if_match="*")).status_code == 200


async def test_of_two_who_read_one_version_one_may_change_it(admin, demo):
    etag = await admin.etag("/queues/orders")
    other = AdminClient(admin_app(demo), staff_token())
    answers = await asyncio.gather(
        admin("PATCH", "/queues/orders", {"limit": 11}, if_match=etag),
        other("PATCH", "/queues/orders", {"limit": 12}, if_match=etag),
    )
    assert sorted(one.status_code for one in answers) == [200, 412]
    await other.close()


async def test_what_did_not_change_is_not_sent_again(admin):
    etag = await admin.etag("/queues/orders")
    answer = await admin("GET", "/queues/orders", if_none_match=etag)
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_repeated_request_with_its_key_is_done_once(admin, demo):
    new = {"kind": "device", "value": "d1"}
    first = await admin(
        "POST", "/canned-replies", {"title": "a", "text": "b"}, idempotency_key="k1"
    )
    before = await demo.versions()
    again = await admin(
        "POST", "/canned-replies", {"title": "a", "text": "b"}, idempotency_key="k1"
    )
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert await demo.versions() == before
    other = await admin("POST", "/blacklist", new, idempotency_key="k1")
    is_problem(other, 422, "idempotency_key_reused")


async def test_of_two_equal_requests_at_once_one_is_done(admin):
    new = {"title": "a", "text": "b"}
    both = await asyncio.gather(
        *(admin("POST", "/canned-replies", new, idempotency_key="k") for _ in range(2))
    )
    assert [one.status_code for one in both] == [201, 201]
    assert both[0].json() == both[1].json()
    assert len((await admin("GET", "/canned-replies")).json()["items"]) == 1


async def test_a_refused_request_may_be_repeated_with_its_key(admin):
    new = {"id": "q2", "name": "二", "groups": ["new"]}
    refused = await admin("POST", "/queues", new, idempotency_key="k")
    is_problem(refused, 422, "unknown_reference")
    await admin("POST", "/groups", {"id": "new", "name": "new"})
    made = await admin("POST", "/queues", new, idempotency_key="k")
    assert made.status_code == 201


async def test_pages_follow_each_other_to_the_end(admin):
    found, cursor, pages = [], "", 0
    while cursor is not None:
        query = f"?limit=2{'&cursor=' + cursor if cursor else ''}"
        page = (await admin("GET", f"/accounts{query}")).json()
        found += [row["id"] for row in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert found == ["admin", "alice", "bob", "chen", "lead", "robot"]
    assert pages == 3


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("/accounts?role=leader", ["lead"]),
        ("/accounts?group=travel&skill=english", ["alice"]),
        ("/accounts?enabled=false", []),
        ("/queues?kind=bot", ["welcome"]),
        ("/queues?q=订单", ["orders"]),
        ("/groups/bots/members", ["robot"]),
    ],
)
async def test_lists_are_filtered(admin, query, ids):
    assert [row["id"] for row in (await admin("GET", query)).json()["items"]] == ids


@pytest.mark.parametrize(
    "query",
    ["?limit=0", "?limit=x", "?nope=1", "?limit=1&limit=2", "?cursor=!", "?cursor=AA", "?kind=x"],
)
async def test_a_wrong_query_is_refused(admin, query):
    is_problem(await admin("GET", f"/queues{query}"), 400, "bad_request")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b'"\xff"', 400, "bad_request"),
        ([], 422, "invalid"),
        ({"id": "x", "name": "x", "limit": "3"}, 422, "invalid"),
        ({"id": "x", "name": "x", "nope": 3}, 422, "invalid"),
        ({"id": "x", "name": "a\x00b"}, 422, "invalid"),
        ({"id": "x", "name": "x", "version": 1}, 422, "invalid"),
        ({"id": "x", "name": "x", "org": "two"}, 422, "invalid"),
        ({"id": "a b", "name": "x"}, 422, "invalid"),
        ({"id": "orders", "name": "x"}, 409, "exists"),
        ({"id": "x", "name": "English desk"}, 409, "name_taken"),
        ({"id": "x", "name": "x", "hours": "nowhen"}, 422, "unknown_reference"),
        ({"id": "x", "name": "x", "policy": "no_such"}, 422, "unusable_policy"),
        ({"id": "x", "name": "x", "policy_params": {"a": 1}}, 422, "unusable_policy"),
    ],
)
async def test_a_wrong_body_is_refused_with_the_place(admin, body, status, code):
    type_ = {"content_type": "application/json"} if isinstance(body, bytes) else {}
    problem = is_problem(await admin("POST", "/queues", body, **type_), status, code)
    if code == "invalid" and isinstance(body, dict):
        assert problem["errors"][0]["at"]


async def test_bodies_of_another_type_or_size_are_refused(admin):
    for type_ in ("text/plain", "application/xml", ""):
        answer = await admin("POST", "/queues", "{}", content_type=type_)
        is_problem(answer, 415, "unsupported_media_type")
    big = '{"name": "' + "x" * 300_000 + '"}'
    answer = await admin("POST", "/queues", big, content_type="application/json")
    is_problem(answer, 413, "too_large")


async def test_what_others_refer_to_stays(admin):
    etag = await admin.etag("/groups/travel")
    problem = is_problem(await admin("DELETE", "/groups/travel", if_match=etag), 409, "in_use")
    assert "queues.travel.groups" in problem["detail"]


async def test_somebody_stays_an_administrator(admin):
    etag = await admin.etag("/accounts/admin")
    for method, body in (("PATCH", {"enabled": False}), ("PATCH", {"role": "agent"})):
        answer = await admin(method, "/accounts/admin", body, if_match=etag)
        is_problem(answer, 409, "last_administrator")
    answer = await admin("DELETE", "/accounts/admin", if_match=etag)
    is_problem(answer, 409, "last_administrator")
    assert (await admin("GET", "/accounts/admin")).json()["role"] == "admin"


async def test_passwords_and_secrets_go_in_and_never_come_out(admin, demo):
    made = await admin(
        "POST", "/accounts", {"id": "eve", "name": "Eve", "password": "pass-word-eve"}
    )
    assert made.json()["has_password"] is True
    first = (await demo.find("demo", "eve")).password_hash
    assert first.startswith("$argon2id$")
    kept = await admin("PATCH", "/accounts/eve", {"capacity": 3}, if_match="*")
    assert (await demo.find("demo", "eve")).password_hash == first
    new = await admin("PATCH", "/accounts/eve", {"password": "pass-word-2"}, if_match="*")
    assert (await demo.find("demo", "eve")).password_hash != first
    secret = "s" * 40
    site = await admin("POST", "/sites", {"id": "k2", "secret": secret})
    assert (await demo.site("k2")).secret == secret
    file = await admin("GET", "/organisation/file")
    audit = await admin("GET", "/audit?limit=500")
    for answer in (made, kept, new, site, file, audit, await admin("GET", "/accounts")):
        assert answer.status_code < 300
        for text in ("pass-word", "argon2", secret):
            assert text not in answer.text


async def test_a_leader_reads_and_changes_nothing(leader):
    assert (await leader("GET", "/queues")).status_code == 200
    for method, path, body in (
        ("POST", "/groups", {"id": "x", "name": "x"}),
        ("PATCH", "/queues/orders", {"limit": 1}),
        ("DELETE", "/queues/orders", None),
        ("GET", "/organisation/file", None),
    ):
        is_problem(await leader(method, path, body, if_match="*"), 403, "forbidden")


@pytest.mark.parametrize("role", ["agent", "customer"])
async def test_others_are_refused(demo, role):
    if role == "agent":
        token = staff_token("alice", role)
    else:
        token = TOKENS.issue_visitor(
            Identity(org="demo", subject="c", role="customer"), time.time()
        )
    client = AdminClient(admin_app(demo), token)
    answer = await client("GET", "/queues")
    assert answer.status_code in (401, 403)
    await client.close()


async def test_without_a_token_nothing_is_answered(demo):
    client = AdminClient(admin_app(demo), "nonsense")
    answer = await client("GET", "/queues")
    is_problem(answer, 401, "bad_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    await client.close()


async def test_unknown_paths_and_methods_are_problems_too(admin):
    is_problem(await admin("GET", "/nowhere"), 404, "not_found")
    answer = await admin("PUT", "/queues", {})
    is_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) >= {"GET", "POST"}
    is_problem(await admin("GET", "/queues/a%00b"), 404, "not_found")
