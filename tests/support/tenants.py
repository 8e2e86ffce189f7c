"""Two organisations in the whole real system: what one has, and how the other asks for it.

`pytest_plugins = ["tests.support.real", "tests.support.tenants"]` gives the fixture `pair`."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect

from actors.frames import OpenOffer
from infra.directory.store import Directory
from infra.oauth_store import Client, digest
from infra.oauth_store_sql import SqlRegistry
from serve.admin.row_routes import BASE
from serve.api import build_app
from serve.gateway.limits import Limits
from serve.identity import Identity
from serve.oauth.ports import OAuthWorld
from tests.support.actor_system import until
from tests.support.doors import ScriptedFabric, Store, make_adapters
from tests.support.real import WITHIN_S, Real
from tests.support.shops import DESK, Shop, new_shop

YAML, CALENDAR = "application/yaml", "text/calendar"


class _Nothing:
    """Stands where routes are only counted."""

    def __getattr__(self, name: str) -> Any:
        return None


async def _ready() -> bool:
    return True


def all_doors(directory: Directory) -> Starlette:
    """Return the doors with everything that has routes, to count them."""
    nothing: Any = _Nothing()
    world = OAuthWorld(
        url="http://desk.example",
        revocations=nothing,
        grants=nothing,
        registry=nothing,
        accounts=nothing,
        sealed_keys=nothing,
        password_door=True,
    )
    adapters = make_adapters(Store(), Limits(), ready=_ready)
    fields = {**{name: getattr(adapters, name) for name in adapters.__dataclass_fields__}}
    return build_app(
        "gw",
        type(adapters)(**{**fields, "directory": directory, "oauth": world}),
        ScriptedFabric(),
    )


def routes_of(routes: list[BaseRoute], below: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, at any depth."""
    for route in routes:
        match route:
            case Mount() if route.routes:
                yield from routes_of(list(route.routes), below + route.path)
            case Mount():
                yield "*", below + route.path
            case WebSocketRoute():
                yield "WEBSOCKET", below + route.path
            case Route():
                methods = (route.methods or {"*"}) - {"HEAD"}
                yield from ((method, below + route.path) for method in sorted(methods))
            case _:
                raise AssertionError(f"a kind of route that is not known here: {route!r}")


@dataclass
class Tenant:
    """An organisation, its people's tokens and sockets, and the ids of what it has."""

    shop: Shop
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def org(self) -> str:
        """Its id."""
        return self.shop.org

    def token(self, account: str = "boss", role: Any = "admin") -> str:
        """Return an access token of somebody on its staff."""
        who = Identity(org=self.org, subject=account, role=role, name=account)
        return self.shop._tokens.issue_access(who, time.time())

    def http(self) -> httpx.AsyncClient:
        """Return an HTTP client that is its administrator."""
        return httpx.AsyncClient(
            base_url=self.shop.real.http_url,
            headers={"authorization": f"Bearer {self.token()}"},
            trust_env=False,
            timeout=WITHIN_S,
        )

    async def socket(self, token: str, **hello: Any) -> ClientConnection:
        """Open a bare socket and say hello."""
        ws = await connect(self.shop.real.ws_url, compression=None, proxy=None)
        await ws.send(json.dumps({"t": "hello", "token": token, **hello}))
        return ws


async def new_tenant(real: Real, mark: str) -> Tenant:
    """Make an organisation with an administrator and an agent."""
    tenant = Tenant(new_shop(real))
    await tenant.shop.declare(
        queues={"desk": {**DESK, "accept": "manual"}},
        agents={
            "boss": {"name": "Boss", "role": "admin", "password_env": "PASSWORD"},
            f"agent-{mark}": {"name": "Agent"},
        },
    )
    return tenant


def missing(ids: Mapping[str, str]) -> dict[str, str]:
    """Return ids of the same form and length that nothing ever had."""
    return {name: _missing(name, one) for name, one in ids.items()}


def _missing(name: str, one: str) -> str:
    if name in ("session", "offer_session"):
        return one[:-3] + f"{(int(one[-3:]) + 500) % 1000:03}"
    head, separator, tail = one.rpartition("-")
    if not separator:
        head, tail = "", one
    return head + separator + secrets.token_hex(len(tail))[: len(tail)]


MARK = "0a1b2c3d4e"
"""In every id of the organisation that is attacked."""
SECRET = "a secret of a client that belongs to the other organisation"
TOPIC = {"question": "q", "answers": [{"text": "a"}]}
# What the attacked organisation has: collection -> how it is made.
ROWS: dict[str, dict[str, Any]] = {
    "holidays": {"id": f"h-{MARK}", "name": "h"},
    "hours": {"id": f"w-{MARK}", "name": "w"},
    "groups": {"id": f"g-{MARK}", "name": "g"},
    "skills": {"id": f"s-{MARK}", "name": "s"},
    "dispositions": {"id": f"d-{MARK}", "name": "d"},
    "queues": {"id": f"q-{MARK}", "name": "q", "groups": [f"g-{MARK}"]},
    "roles": {"id": f"r-{MARK}", "name": "r", "permissions": ["queues:read"]},
    "accounts": {"id": f"a-{MARK}", "name": "a", "groups": [f"g-{MARK}"]},
    "blacklist": {"id": f"b-{MARK}", "kind": "device", "value": "d1"},
    "customers": {"id": f"c-{MARK}", "name": "c"},
    "sites": {"id": f"k-{MARK}", "name": "k"},
    "canned-replies": {"id": f"t-{MARK}", "title": "t", "text": "t"},
    "settings": {"id": f"group:g-{MARK}", "sound": True},
}


@dataclass
class Pair:
    """The organisation that is attacked, and the one whose people attack it."""

    victim: Tenant
    thief: Tenant
    session: str
    offer: str


@pytest.fixture(scope="session")
async def pair(real: Real) -> AsyncIterator[Pair]:
    """Two organisations; the first has one of everything, and a customer who is being served."""
    victim, thief = await new_tenant(real, MARK), await new_tenant(real, "other")
    async with victim.http() as http:
        for name, row in ROWS.items():
            made = await http.post(f"{BASE}/{name}", json=row)
            assert made.status_code == 201, (name, made.text)
            victim.ids[name] = made.json()["id"]
        base = {"id": f"base-{MARK}", "name": "b"}
        for path, body in (
            ("bases", base),
            (f"bases/base-{MARK}/topics", {"id": f"topic-{MARK}", **TOPIC}),
            (f"bases/base-{MARK}/versions", {"note": "n"}),
        ):
            made = await http.post(f"{BASE}/knowledge/{path}", json=body)
            assert made.status_code == 201, made.text
    victim.ids |= {"bases": f"base-{MARK}", "topics": f"topic-{MARK}"}
    agent, saw = await victim.shop.agent(f"agent-{MARK}")
    customer, _, session = await victim.shop.served(f"customer-{MARK}", agent, saw)
    await customer.say("a secret")
    waiting, _ = await victim.shop.customer(f"waiting-{MARK}")
    second = (await waiting.start()).session
    offer = await saw.first(OpenOffer, lambda one: one.session == second)
    victim.ids |= {"session": session, "offers": offer.offer}
    victim.ids["decisions"] = await a_decision(victim)
    registry = SqlRegistry(victim.shop._directory.engine)
    await registry.set_client(
        Client(
            id=f"thief-{MARK}",
            org=thief.org,
            secret_hash=digest(SECRET),
            grants=["client_credentials"],
        )
    )
    yield Pair(victim, thief, session, offer.offer)
    await victim.shop.close()
    await thief.shop.close()


async def a_decision(tenant: Tenant) -> str:
    """Return the id of the newest decision about the tenant's contacts, once there is one."""
    found: list[str] = []

    async def there() -> bool:
        async with tenant.http() as http:
            listed = (await http.get("/v1/decisions")).json()["decisions"]
        found.extend(one["id"] for one in listed)
        return bool(found)

    await until(there)
    return found[0]


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    """Return the value with ids in place of `{collection}`."""
    match value:
        case str():
            for name, one in ids.items():
                value = value.replace(f"{{{name}}}", one)
            return value
        case dict():
            return {filled(k, ids): filled(v, ids) for k, v in value.items()}
        case list():
            return [filled(one, ids) for one in value]
        case _:
            return value
