"""Who may do what: every route and frame declares it, the page shows it, and each cell of the wire
holds at the real gateway. (The cells of HTTP: `tests/contract/test_permission_cells.py`.)"""

from __future__ import annotations

from typing import Any

import msgspec
import msgspec.inspect
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from actors.config import RoleConfig
from actors.permissions import BUILT_IN, RIGHTS, Permission, rights_of
from serve import permissions
from serve.access import Declared, Open, all_routes
from serve.gateway.opening import DoorClosedError
from serve.gateway.permitting import ASIDE, FRAMES
from serve.wire import ClientFrame, SayFrame, TransferFrame, WireBody

SUBJECTS = {"leader": "lea", "agent": "ann", "own": "ann"}


def undeclared(app: Starlette) -> list[str]:
    """Return the routes that do not say what they ask for."""
    found = []
    for path, route in all_routes(app.routes):
        is_page = isinstance(route, Mount) and isinstance(route.app, StaticFiles)
        is_wire = isinstance(route, WebSocketRoute) and path == "/ws"
        if not (isinstance(route, Declared) or is_page or is_wire):
            found.append(path)
    return found


def test_the_page_is_up_to_date() -> None:
    assert permissions.FILE.read_text(encoding="utf-8") == permissions.make_page(), (
        "run python -m serve.permissions"
    )


def test_every_route_declares_what_it_asks_for() -> None:
    app = Starlette(routes=permissions.listed_routes())
    assert undeclared(app) == []
    assert len(list(permissions.declarations(app.routes))) > 100


def test_a_route_without_a_declaration_is_found() -> None:
    async def answer(_: Any) -> Response:
        return Response()

    more = [Route("/new", answer), WebSocketRoute("/other", answer)]
    app = Starlette(routes=[*permissions.listed_routes(), Mount("/v2", routes=more)])
    assert undeclared(app) == ["/v2/new", "/v2/other"]


def test_who_needs_no_permission_is_few_and_says_why() -> None:
    found = permissions.declarations(permissions.listed_routes())
    whys = {path: needs.why for _, path, needs in found if isinstance(needs, Open)}
    assert all(whys.values())
    assert not [path for path in whys if path.startswith(("/v1/admin", "/v1/me"))]


def test_every_permission_is_asked_for_by_something() -> None:
    asked = {str(needs) for _, _, needs in permissions.declarations(permissions.listed_routes())}
    asked |= {str(frame.permission) for frame in FRAMES} | {str(one) for one in ASIDE}
    beyond = {"sessions:end_others", "transcripts:read"}
    assert set(RIGHTS) - beyond - asked == set()


def test_a_permission_that_nobody_listed_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="RIGHTS"):
        Permission("queues", "explode")


def test_built_in_roles_hold_what_there_is_and_nothing_by_accident() -> None:
    for role in BUILT_IN.values():
        assert set(role.permissions) <= set(RIGHTS)
        if role.groups_only:
            assert all(RIGHTS[one].groups for one in role.permissions)
    spans = {name for name, role in BUILT_IN.items() if "organisations:create" in role.permissions}
    assert spans == {"super_admin"}
    assert rights_of(None, "nobody", "x").permissions == frozenset()


def sample(kind: type[ClientFrame]) -> dict[str, Any]:
    """Return a frame with everything that it must have, made from its type."""
    filled = {
        one.encode_name: "7" if one.name == "session" else fill(one.type)
        for one in msgspec.structs.fields(kind)
        if one.required
    }
    more = {"agent": "ben"} if kind is TransferFrame else {}
    return {"t": str(kind.__struct_config__.tag), **filled, **more}


def fill(type_: Any) -> Any:
    match msgspec.inspect.type_info(type_):
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.IntType():
            return 1
        case msgspec.inspect.StructType(cls=cls) if cls is WireBody:
            return {"kind": "text", "text": "hi"}
        case _:
            return "x"


FRAMES_SENT = [(str(kind.permission), sample(kind)) for kind in FRAMES]


async def forbids(desk: Any, role: str, frame: dict[str, Any]) -> bool:
    """Tell whether the gateway refuses the role that frame; no actor may hear of it then."""
    code = ""
    try:
        somebody = await desk.open(f"{role}:acme:{SUBJECTS.get(role, 'root')}")
    except DoorClosedError as refused:
        code = refused.code
    else:
        desk.say(somebody, frame)
        codes = {one.get("code") for one in desk.frames(somebody)} & {"forbidden"}
        code = "".join(codes)
        assert not (code and desk.fabric.take())
        desk.gateway.closed(somebody)
        desk.fabric.take()
    assert code in ("", "forbidden")
    return bool(code)


@pytest.mark.parametrize("role", BUILT_IN)
async def test_every_cell_of_the_wire_holds(desk: Any, role: str) -> None:
    held = BUILT_IN[role].permissions
    for permission, frame in FRAMES_SENT:
        expected = permission not in held or "socket:open" not in held
        assert await forbids(desk, role, frame) == expected, (role, frame)
    aside = {**sample(SayFrame), "aside": True}
    may_aside = any(str(one) in held for one in ASIDE)
    assert await forbids(desk, role, aside) == (not may_aside)


@pytest.mark.parametrize(("permission", "frame"), FRAMES_SENT)
async def test_a_role_of_ones_own_may_send_exactly_what_it_holds(
    desk: Any, permission: str, frame: dict[str, Any]
) -> None:
    for held in ([permission, "socket:open"], ["socket:open"]):
        role = RoleConfig(id="own", name="Own", permissions=held)
        config = desk.configs.orgs["acme"]
        agents = dict(config.agents)
        agents["ann"] = msgspec.structs.replace(agents["ann"], role="own")
        desk.configs.orgs["acme"] = msgspec.structs.replace(
            config, roles={"own": role}, agents=agents
        )
        assert await forbids(desk, "own", {**frame}) == (permission not in held)
