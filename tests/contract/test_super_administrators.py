"""Super administrators make organisations and list them, and see nothing inside of one. On SQLite
and PostgreSQL."""

import pytest
from argon2 import PasswordHasher

from actors.permissions import BUILT_IN
from infra.directory import audit
from serve.admin.application import ENDPOINTS
from tests.support.admin import AdminClient, admin_app, is_problem, staff_token

pytest_plugins = ["tests.support.server_fixtures"]

NEW = {"id": "acme", "name": "甲 Acme", "administrator": "ann", "password": "a-long-password"}


@pytest.fixture
async def root(demo):
    """The API, as a super administrator."""
    client = AdminClient(admin_app(demo), staff_token("root", "super_admin"))
    yield client
    await client.close()


async def test_an_organisation_is_made_with_who_administers_it(root, demo):
    made = await root("POST", "/organisations", NEW)
    assert (made.status_code, made.json()) == (201, {"id": "acme", "name": "甲 Acme"})
    found = await demo.find("acme", "ann")
    assert (found.role, found.enabled) == ("admin", True)
    assert PasswordHasher().verify(found.password_hash, "a-long-password")
    config = await demo.compile_config("acme")
    assert (config.entry_queue, list(config.queues)) == ("main", ["main"])
    is_problem(await root("POST", "/organisations", NEW), 409, "exists")
    listed = (await root("GET", "/organisations")).json()
    assert listed == {
        "items": [{"id": "acme", "name": "甲 Acme"}, {"id": "demo", "name": "演示商店 Demo Shop"}],
        "next": None,
    }
    page = (await root("GET", "/organisations?limit=1")).json()
    rest = (await root("GET", f"/organisations?limit=1&cursor={page['next']}")).json()
    assert [one["id"] for one in (*page["items"], *rest["items"])] == ["acme", "demo"]


async def test_both_audits_say_who_made_it_and_hold_no_password(root, demo):
    await root("POST", "/organisations", NEW, idempotency_key="k1")
    again = await root("POST", "/organisations", NEW, idempotency_key="k1")
    assert again.status_code == 201
    mine = await demo.audit_page("demo", after=0, limit=5, filters={"resource": "organisations"})
    assert [(e.actor, e.role, e.action, e.row) for e in mine] == [
        ("root", "super_admin", "create", "acme")
    ]
    theirs = await demo.audit_page("acme", after=0, limit=50, filters={})
    assert {entry.actor for entry in theirs} == {"root@demo"}
    assert not any("a-long-password" in entry.after or "argon2" in entry.after for entry in theirs)
    for org in ("demo", "acme"):
        [whole] = await demo.verify_audit(org)
        assert isinstance(whole, audit.Verified)


async def test_a_wrong_organisation_leaves_nothing_behind(root, demo):
    for change in ({"id": "a b"}, {"password": "short"}, {"queue": ""}, {"role": "x"}):
        is_problem(await root("POST", "/organisations", {**NEW, **change}), 422, "invalid")
    assert list(await demo.versions()) == ["demo"]
    assert await demo.audit_page("demo", after=0, limit=5, filters={"actor": "root"}) == []


async def test_it_sees_nothing_inside_of_another_organisation(root, demo):
    await root("POST", "/organisations", NEW)
    is_problem(await root("GET", "/accounts/ann"), 404, "not_found")
    assert "ann" not in {one["id"] for one in (await root("GET", "/accounts")).json()["items"]}
    assert (await root("GET", "/organisation")).json()["id"] == "demo"
    named = [one.path for one in ENDPOINTS if "{org" in one.path]
    assert named == [], "no route takes an organisation's id"


@pytest.mark.parametrize(
    "role", [role for role in BUILT_IN if role not in {"super_admin", "customer"}]
)
async def test_nobody_else_sees_that_there_are_others(demo, role):
    client = AdminClient(admin_app(demo), staff_token("x", role))
    is_problem(await client("GET", "/organisations"), 403, "forbidden")
    is_problem(await client("POST", "/organisations", NEW), 403, "forbidden")
    await client.close()


async def test_an_administrator_cannot_become_one(admin):
    form = {"id": "root", "name": "Root", "role": "super_admin", "password": "a-long-password"}
    is_problem(await admin("POST", "/accounts", form), 403, "not_held")
    promoted = await admin("PATCH", "/accounts/admin", {"role": "super_admin"}, if_match="*")
    is_problem(promoted, 403, "not_held")
    role = {"id": "mine", "name": "Mine", "permissions": ["organisations:create"]}
    is_problem(await admin("POST", "/roles", role), 422, "invalid")
    is_problem(await admin("POST", "/roles", {"id": "super_admin", "name": "S"}), 422, "invalid")


async def test_a_role_of_ones_own_counts_at_the_next_request(admin, demo):
    cora = AdminClient(admin_app(demo), staff_token("cora", "auditor"))
    role = {"id": "auditor", "name": "Auditor", "permissions": []}
    made = await admin("POST", "/roles", role)
    account = {"id": "cora", "name": "Cora", "role": "auditor"}
    assert (await admin("POST", "/accounts", account)).status_code == 201
    is_problem(await cora("GET", "/audit"), 403, "forbidden")
    change = {"permissions": ["audit:read"]}
    etag = made.headers["etag"]
    assert (await admin("PATCH", "/roles/auditor", change, if_match=etag)).status_code == 200
    assert (await cora("GET", "/audit")).status_code == 200
    is_problem(await cora("GET", "/accounts"), 403, "forbidden")
    is_problem(await admin("DELETE", "/roles/auditor", if_match="*"), 409, "in_use")
    await cora.close()
