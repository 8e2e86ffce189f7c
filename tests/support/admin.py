"""The administration API in the real doors, on a directory of a test's own."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import httpx
from starlette.applications import Starlette

from actors.config import OrgConfig
from infra.directory.store import Directory
from serve.api import build_app
from serve.gateway.limits import Limits
from serve.identity import Identity
from tests.support.databases import CheapHashes
from tests.support.doors import TOKENS, ScriptedFabric, Store, make_adapters

BASE = "/v1/admin"


async def _ready() -> bool:
    return True


class Compiled:
    """The settings as the directory has them now."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def get(self, org: str) -> OrgConfig | None:
        """Compile them."""
        return await self._directory.compile_config(org)


def admin_app(directory: Directory) -> Starlette:
    """Return the doors, with this directory."""
    adapters = replace(
        make_adapters(Store(), Limits(), ready=_ready),
        directory=directory,
        hashes=CheapHashes(),
        configs=Compiled(directory),
    )
    return build_app("gw", adapters, ScriptedFabric())


def staff_token(subject: str = "admin", role: Any = "admin", org: str = "demo") -> str:
    """Return an access token of somebody on the staff."""
    who = Identity(org=org, subject=subject, role=role, name=subject, client_id="console")
    return TOKENS.issue_access(who, time.time())


class AdminClient:
    """Asks the API as one person does."""

    def __init__(self, app: Starlette, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://desk.example", headers=headers
        )

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Send a request; header names with underscores. Text bodies go as they are."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"content": body} if isinstance(body, (str, bytes)) else {"json": body}
        return await self.http.request(
            method, BASE + path, headers=named, **({} if body is None else content)
        )

    async def etag(self, path: str) -> str:
        """Return the ETag of what is there."""
        return (await self("GET", path)).headers["etag"]

    async def close(self) -> None:
        """Release the connections."""
        await self.http.aclose()


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is that problem; return its body."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["type"] == f"urn:raydesk:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body
