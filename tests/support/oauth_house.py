"""The doors with their authorization server: real Valkey and SQL, people in memory."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import re
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import uvicorn
from argon2 import PasswordHasher
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.asyncio.client import connect

from actors.config import AgentConfig, OrgConfig, QueueConfig
from infra.directory.tables import Organisation
from infra.oauth_store import RedisGrants, RedisSealedKeys
from infra.oauth_store_sql import SqlRegistry
from infra.revocation import RedisRevocations
from serve.api import build_app
from serve.doors import Account
from serve.gateway.limits import Limits
from serve.oauth.ports import Arrival, OAuthWorld
from serve.signing_keys import Jwk, make_key
from serve.uvicorn_settings import OPTIONS
from tests.support.doors import ScriptedFabric, Store, make_adapters, until

HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
RIGHT = "right password"


class PeopleInMemory:
    """Two organisations' accounts and the settings made of them."""

    def __init__(self) -> None:
        hashed = HASHER.hash(RIGHT)
        self.accounts: dict[tuple[str, str], Account] = {}
        self.version = 1
        self.listeners: list[Callable[[OrgConfig], None]] = []
        for org, login, role in (
            ("acme", "ann", "agent"),
            ("acme", "lea", "leader"),
            ("other", "ann", "agent"),
        ):
            self.accounts[org, login] = Account(
                org=org, id=login, name=login.title(), role=role, password_hash=hashed
            )

    async def find(self, org: str, login: str) -> Account | None:
        return self.accounts.get((org, login))

    async def get(self, org: str) -> OrgConfig | None:
        mine = [one for one in self.accounts.values() if one.org == org]
        return self._config(org, mine) if mine else None

    def listen(self, changed: Callable[[OrgConfig], None]) -> None:
        self.listeners.append(changed)
        for org in ("acme", "other"):
            changed(self._config(org, [a for a in self.accounts.values() if a.org == org]))

    def change(self, org: str, login: str, **new: Any) -> None:
        """Change an account as the directory does: the settings follow."""
        old = self.accounts[org, login]
        self.accounts[org, login] = msgspec.structs.replace(old, **new)
        self._tell(org)

    async def set_password(self, org: str, account: str, password_hash: str) -> None:
        self.change(org, account, password_hash=password_hash)

    async def arrive(self, who: Arrival, *, provision: bool) -> None:
        if (who.org, who.account) not in self.accounts:
            if not provision:
                raise LookupError(who.account)
            self.accounts[who.org, who.account] = Account(
                org=who.org, id=who.account, name=who.name, role=who.role
            )
        self.change(who.org, who.account, role=who.role)

    def _tell(self, org: str) -> None:
        self.version += 1
        config = self._config(org, [one for one in self.accounts.values() if one.org == org])
        for changed in self.listeners:
            changed(config)

    def _config(self, org: str, accounts: list[Account]) -> OrgConfig:
        agents = {
            one.id: AgentConfig(
                id=one.id, name=one.name, role=one.role, enabled=one.enabled, stamp=one.stamp
            )
            for one in accounts
        }
        return OrgConfig(
            org=org,
            version=self.version,
            entry_queue="help",
            queues={"help": QueueConfig(id="help", name="Help")},
            agents=agents,
            origins=["https://shop.example"],
        )


class OAuthHouse:
    """One gateway with its authorization server on a free port."""

    def __init__(
        self,
        redis: Redis,
        folder: Path,
        *,
        people: PeopleInMemory | None = None,
        key: Jwk | None = None,
        grace_s: float = 30.0,
        password_door: bool = False,
    ) -> None:
        self._redis = redis
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.people = people or PeopleInMemory()
        self.key = key or make_key()
        self.engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'identity.sqlite3'}")
        self.registry = SqlRegistry(self.engine)
        self.grants = RedisGrants(redis, grace_s=grace_s)
        self.revocations = RedisRevocations(redis, check_s=0.5)
        self.sealed = RedisSealedKeys(redis)
        self.callback = f"{self.url}/"
        self._password_door = password_door
        self._browsers: list[Browser] = []

    async def open(self) -> None:
        """Serve."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Organisation.metadata.create_all)
        await self.registry.prepare()

        async def ready() -> bool:
            return True

        world = OAuthWorld(
            url=self.url,
            revocations=self.revocations,
            grants=self.grants,
            registry=self.registry,
            accounts=self.people,
            sealed_keys=self.sealed,
            password_door=self._password_door,
        )
        adapters = dataclasses.replace(
            make_adapters(Store(), Limits(hello_s=5.0, close_s=0.5), key=self.key, ready=ready),
            accounts=self.people,
            configs=self.people,
            issuer=self.url,
            oauth=world,
            config_news=self.people.listen,
            origins=frozenset({self.url}),
        )
        app = build_app("gw", adapters, ScriptedFabric())
        config = uvicorn.Config(app, log_level="critical", lifespan="on", **OPTIONS)
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([self._socket]))
        await until(lambda: self._server.started)

    async def close(self) -> None:
        """Stop serving, and close every browser."""
        for browser in self._browsers:
            await browser.http.aclose()
        self._server.should_exit = True
        await self._serving
        await self.engine.dispose()

    def browser(self) -> Browser:
        """Return a browser that has never been here."""
        self._browsers.append(Browser(self))
        return self._browsers[-1]

    def connect(self, **options: Any) -> connect:
        """Open a socket."""
        return connect(f"{self.url.replace('http', 'ws')}/ws", compression=None, **options)


def pkce() -> tuple[str, str]:
    """Return a verifier and its challenge."""
    verifier = secrets.token_urlsafe(48)
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return verifier, made.rstrip(b"=").decode()


class Browser:
    """A browser with its cookies, and a client that it came from."""

    def __init__(self, house: OAuthHouse) -> None:
        self.house = house
        self.http = httpx.AsyncClient(base_url=house.url, trust_env=False, timeout=20.0)
        self.verifier, self.challenge = pkce()
        self.form: dict[str, str] = {}
        self.client_id = "raydesk-console"
        self.redirect_uri = house.callback

    def query(self, **changed: str | None) -> dict[str, str]:
        """Return a right authorization request, changed."""
        right: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "state": "the-state",
            "ui_locales": "en",
            **changed,
        }
        return {name: value for name, value in right.items() if value is not None}

    async def visit(self, **changed: str | None) -> httpx.Response:
        """Open the sign-in page."""
        answer = await self.http.get("/oauth/authorize", params=self.query(**changed))
        self.read(answer)
        return answer

    def read(self, answer: httpx.Response) -> None:
        """Read the page's hidden fields."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
        if found:
            self.form = dict(reversed(found))

    async def post(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Send the page's form."""
        sent = {"origin": self.house.url, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value}
        answer = await self.http.post("/oauth/sign-in", data={**self.form, **fields}, headers=sent)
        self.read(answer)
        return answer

    async def enter(
        self, org: str = "acme", login: str = "ann", password: str = RIGHT
    ) -> httpx.Response:
        """Type in and press the button."""
        return await self.post(org=org, login=login, password=password, action="password")

    async def code(self, org: str = "acme", login: str = "ann") -> str:
        """Sign in and return the authorization code."""
        await self.visit()
        return code_of(await self.enter(org, login))

    async def exchange(self, code: str, **changed: str | None) -> httpx.Response:
        """Exchange the code as the client does."""
        right: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": code,
            "code_verifier": self.verifier,
            **changed,
        }
        form = {name: value for name, value in right.items() if value is not None}
        return await self.http.post("/oauth/token", data=form)

    async def tokens(self, org: str = "acme", login: str = "ann") -> dict[str, Any]:
        """Sign in and return the tokens."""
        answer = await self.exchange(await self.code(org, login))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refresh(self, token: str) -> httpx.Response:
        """Use a refresh token."""
        form = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": token}
        return await self.http.post("/oauth/token", data=form)

    async def revoke(self, token: str) -> httpx.Response:
        """End a token."""
        return await self.http.post(
            "/oauth/revoke", data={"client_id": self.client_id, "token": token}
        )

    async def history(self, token: str) -> int:
        """Return the status of an API call with the token."""
        headers = {"authorization": f"Bearer {token}"}
        return (await self.http.get("/v1/sessions/7/messages", headers=headers)).status_code


def code_of(answer: httpx.Response) -> str:
    """Return the code in a redirect."""
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
