"""Every cell of the matrix that is HTTP's, tried on the real doors with the real directory; and
leaders against other groups. (The wire's cells: `tests/unit/serve/test_permission_matrix.py`.)"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from actors.permissions import BUILT_IN, Permission, rights_of
from infra.directory import declared_rows as d
from infra.directory.audit import By
from infra.directory.kinds import BY_NAME
from infra.directory.store import Directory
from serve import permissions
from serve.access import Open
from serve.admin.application import ENDPOINTS
from serve.admin.row_routes import BASE
from serve.api import build_app
from serve.doors import Adapters
from serve.gateway.limits import Limits
from serve.identity import Identity
from serve.oauth.ports import OAuthWorld
from tests.support.admin import Compiled
from tests.support.doors import TOKENS, ScriptedFabric, Store, make_adapters

pytest_plugins = ["tests.support.server_fixtures"]

NIGHT = {
    "groups": "night",
    "accounts": "nina",
    "queues": "late",
    "canned-replies": "sleep",
    "settings": "group:night",
}


class Ended:
    """The stores of sign-ins: notes whose were ended."""

    def __init__(self) -> None:
        self.people: list[tuple[str, str]] = []

    async def revoke(self, entry: Any, life_s: float) -> None:
        self.people.append((entry.org, entry.subject))

    async def providers(self, org: str = "") -> list[Any]:
        return []

    async def families_of(self, org: str, account: str) -> list[str]:
        return []


class Acts:
    def __init__(self) -> None:
        self.kept: list[tuple[str, Any]] = []

    async def append(self, org: str, act: Any) -> None:
        self.kept.append((org, act))


class Settled:
    """The settings, compiled once: these tests change none."""

    def __init__(self, directory: Directory) -> None:
        self._compiled = Compiled(directory)
        self._known: dict[str, Any] = {}

    async def get(self, org: str) -> Any:
        if org not in self._known:
            self._known[org] = await self._compiled.get(org)
        return self._known[org]


class Centre(ScriptedFabric):
    """Live state of two groups."""

    async def survey(self, kind: Any, org: str) -> list[dict[str, object]]:
        found: dict[str, list[dict[str, object]]] = {
            "queue": [{"queue": "travel"}, {"queue": "late"}, {"queue": "english"}],
            "agent": [{"agent": "bob"}, {"agent": "nina"}, {"agent": "admin"}],
            "session": [
                {"session": "1", "queue": "travel", "agent": "bob"},
                {"session": "2", "queue": "late", "agent": "nina"},
                {"session": "3", "queue": "late", "agent": "bob"},
            ],
        }
        return found.get(kind, [])


class Desk:
    """The doors, and requests to them."""

    def __init__(self, directory: Directory) -> None:
        async def ready() -> bool:
            return True

        self.ended, self.acts = Ended(), Acts()
        unused: Any = object()
        stores: Any = self.ended
        oauth = OAuthWorld(
            url="http://desk.example",
            revocations=stores,
            grants=stores,
            registry=stores,
            accounts=unused,
            sealed_keys=unused,
        )
        more = {"decisions", "tickets"} & {one.name for one in dataclasses.fields(Adapters)}
        adapters = dataclasses.replace(
            make_adapters(Store(), Limits(), ready=ready),
            directory=directory,
            configs=Settled(directory),
            oauth=oauth,
            acts=self.acts,
            **dict.fromkeys(more, unused),
        )
        self.history = adapters.history
        self.app = build_app("gw", adapters, Centre())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://desk.example")

    async def ask(self, method: str, path: str, role: str, subject: str = "") -> httpx.Response:
        who = Identity(org="demo", subject=subject or f"a-{role}", role=role)
        issue = TOKENS.issue_visitor if role == "customer" else TOKENS.issue_access
        headers = {"authorization": f"Bearer {issue(who, time.time())}"}
        return await self.http.request(method, path, headers=headers)

    def routes(self) -> Iterator[tuple[str, str, Any]]:
        for method, path, needs in permissions.declarations(self.app.routes):
            filled = path
            while "{" in filled:
                start, end = filled.index("{"), filled.index("}")
                filled = f"{filled[:start]}7{filled[end + 1 :]}"
            yield method, filled, needs


@pytest.fixture
async def desk(demo):
    found = Desk(demo)
    yield found
    await found.http.aclose()


@pytest.fixture
async def night(demo):
    """Another group's rows of every kind that belongs to groups."""
    async with demo.writing("demo", By(subject="x", role="system")) as writer:
        rows = {
            "groups": d.Named(name="Night"),
            "accounts": d.DeclaredAgent(name="Nina", groups=["night"]),
            "queues": d.DeclaredQueue(name="Late", groups=["night"]),
            "canned-replies": d.DeclaredReply(title="z", text="zzz", owner="nina"),
            "settings": d.DeclaredSettings(sound=False),
        }
        for kind, value in rows.items():
            await writer.put(BY_NAME[kind], NIGHT[kind], value)


async def test_all_routes_of_the_page_are_tried(desk):
    tried = {(method, path) for method, path, _ in permissions.declarations(desk.app.routes)}
    listed = {(m, path) for m, path, _ in permissions.declarations(permissions.listed_routes())}
    assert tried == listed


@pytest.mark.slow
@pytest.mark.parametrize("role", BUILT_IN)
async def test_every_cell_of_http_holds(desk, role):
    tried = 0
    for method, path, needs in desk.routes():
        if isinstance(needs, Open):
            continue
        answer = await desk.ask(method, path, role)
        told = (method, path, role, answer.status_code, answer.text)
        if str(needs) in BUILT_IN[role].permissions:
            assert answer.status_code not in (401, 403), told
        else:
            assert answer.status_code == 403, told
            assert answer.json()["code"] == "forbidden", told
        tried += 1
    assert tried > 100


@pytest.mark.slow
async def test_without_a_token_nothing_but_what_is_open_answers(desk):
    for method, path, needs in desk.routes():
        if isinstance(needs, Permission):
            answer = await desk.http.request(method, path)
            assert answer.status_code == 401, (method, path)


@pytest.mark.slow
async def test_a_role_that_nobody_has_may_do_nothing(desk):
    for method, path, needs in desk.routes():
        if isinstance(needs, Permission):
            assert (await desk.ask(method, path, "ghost")).status_code == 403


def of_groups():
    """Yield the endpoints about one row of a kind that belongs to groups, that leaders may ask."""
    rights = rights_of(None, "leader", "lead")
    for one in ENDPOINTS:
        kind = one.path.split("/")[1]
        if rights.may(one.permission) and kind in NIGHT and "{id}" in one.path:
            yield one.method, one.path, kind


async def test_another_groups_row_answers_a_leader_as_none_would(desk, night):
    asked = list(of_groups())
    assert len(asked) >= 7
    for method, path, kind in asked:
        answers = []
        for key in (NIGHT[kind], "group:none" if kind == "settings" else "none"):
            url = BASE + path.replace("{id}", key)
            answer = await desk.ask(method, url, "leader", "lead")
            answers.append((answer.status_code, answer.text.replace(key, "?")))
        assert answers[0] == answers[1], (method, path)
        assert answers[0][0] == 404
    assert desk.ended.people == []


@pytest.mark.parametrize("kind", NIGHT)
async def test_a_leaders_lists_end_at_the_groups(desk, night, kind):
    found = {}
    for role, subject in (("admin", "admin"), ("leader", "lead")):
        answer = await desk.ask("GET", f"{BASE}/{kind}", role, subject)
        found[role] = {one["id"] for one in answer.json()["items"]}
    assert NIGHT[kind] in found["admin"]
    assert NIGHT[kind] not in found["leader"]
    assert found["leader"] < found["admin"]


async def test_a_leader_sees_their_own(desk, night):
    answer = await desk.ask("GET", f"{BASE}/accounts", "leader", "lead")
    assert {one["id"] for one in answer.json()["items"]} == {"alice", "bob", "chen", "lead"}
    answer = await desk.ask("GET", f"{BASE}/queues", "leader", "lead")
    assert {one["id"] for one in answer.json()["items"]} == {"travel", "orders", "english"}
    for path in ("/accounts/bob", "/groups/travel", "/groups/travel/members", "/queues/travel"):
        assert (await desk.ask("GET", BASE + path, "leader", "lead")).status_code == 200


@pytest.mark.parametrize(
    ("path", "leaders", "all_"),
    [
        ("queues", ["travel", "english"], ["travel", "late", "english"]),
        ("agents", ["bob"], ["bob", "nina", "admin"]),
        ("sessions", ["1", "3"], ["1", "2", "3"]),
    ],
)
async def test_live_state_ends_at_the_groups(desk, night, path, leaders, all_):
    for role, subject, expected in (("leader", "lead", leaders), ("viewer", "v", all_)):
        answer = await desk.ask("GET", f"/v1/{path}", role, subject)
        assert [one[path[:-1]] for one in answer.json()[path]] == expected


async def history_of(desk, monkeypatch, at, who=("leader", "lead")):
    async def customer(org: str, session: str) -> str | None:
        return "tom" if session == "7" else None

    async def place(org: str, session: str) -> tuple[str, str]:
        return at

    monkeypatch.setattr(desk.history, "customer", customer)
    monkeypatch.setattr(desk.history, "place", place)
    return await desk.ask("GET", "/v1/sessions/7/messages", *who)


async def test_a_leader_reads_the_groups_history_and_that_is_recorded(desk, night, monkeypatch):
    mine = await history_of(desk, monkeypatch, ("travel", "bob"))
    assert mine.status_code == 200
    await history_of(desk, monkeypatch, ("travel", "bob"))
    [(org, act)] = desk.acts.kept
    assert (org, act.actor, act.role, act.action, act.row) == (
        "demo",
        "lead",
        "leader",
        "read",
        "7",
    )
    theirs = await history_of(desk, monkeypatch, ("late", "nina"))
    none = await desk.ask("GET", "/v1/sessions/8/messages", "leader", "lead")
    assert (theirs.status_code, theirs.text) == (none.status_code, none.text)
    assert none.status_code == 404
    assert len(desk.acts.kept) == 1


async def test_who_took_part_reads_on_and_nothing_is_recorded(desk, night, monkeypatch):
    answer = await history_of(desk, monkeypatch, ("late", "nina"), ("agent", "ann"))
    assert answer.status_code == 200
    assert desk.acts.kept == []


async def test_a_leader_ends_the_sign_ins_of_the_groups_accounts_only(desk, night):
    async def end(subject: str, account: str, role: str = "leader") -> int:
        path = f"{BASE}/accounts/{account}/sign-out"
        return (await desk.ask("POST", path, role, subject)).status_code

    assert await end("lead", "bob") == 204
    assert await end("lead", "nina") == 404
    assert await end("lead", "admin") == 404
    assert await end("admin", "nina", "admin") == 204
    assert desk.ended.people == [("demo", "bob"), ("demo", "nina")]
    assert [(act.actor, act.action, act.row) for _, act in desk.acts.kept] == [
        ("lead", "sign_out", "bob"),
        ("admin", "sign_out", "nina"),
    ]


async def test_nobody_ends_the_sign_ins_of_who_may_more(demo, desk):
    async with demo.writing("demo", By(subject="x", role="system")) as writer:
        admin = await writer.get(BY_NAME["accounts"], "admin")
        inside = admin.value.model_copy(update={"groups": ["travel"]})
        await writer.update(BY_NAME["accounts"], admin, inside)
    answer = await desk.ask("POST", f"{BASE}/accounts/admin/sign-out", "leader", "lead")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_held")
    assert desk.ended.people == []
