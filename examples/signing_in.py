"""Gets tokens from the HTTP API: what the backend of a site, or an agent's program, does first."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

SOCKET_PATH = "/ws"
TRIES = 10


@dataclass(frozen=True, slots=True)
class Login:
    """What an agent types in."""

    name: str
    password: str


def parse_logins(text: str) -> list[Login]:
    """Return the logins of `name:password,name:password`.

    Raises:
        ValueError: a piece without a colon.
    """
    pairs = [piece.strip().partition(":") for piece in text.split(",") if piece.strip()]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise ValueError("write agents as name:password,name:password")
    return [Login(name, password) for name, _, password in pairs]


class Api:
    """The two calls every program needs. `url` is the system's, for instance
    http://127.0.0.1:8000."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(base_url=self.url, timeout=30.0, trust_env=False)

    @property
    def socket_url(self) -> str:
        """Where the WebSocket door is."""
        scheme, place, path, _, _ = urlsplit(self.url)
        secure = "wss" if scheme == "https" else "ws"
        return urlunsplit((secure, place, path + SOCKET_PATH, "", ""))

    async def visitor_token(self, site: str) -> str:
        """Return the token of a new visitor of the site with that public key."""
        return str((await self._post(f"/v1/sites/{site}/token", {}))["token"])

    async def agent_token(self, org: str, login: Login) -> str:
        """Return an agent's access token."""
        body = {"org": org, "login": login.name, "password": login.password}
        return str((await self._post("/v1/token", body))["token"])

    async def history_seqs(self, session: str, token: str) -> list[int]:
        """Return the seq of every stored frame of a session that the token's bearer may read."""
        seqs: list[int] = []
        while True:
            answer = await self._http.get(
                f"/v1/sessions/{session}/messages",
                params={"after": seqs[-1] if seqs else 0},
                headers={"authorization": f"Bearer {token}"},
            )
            answer.raise_for_status()
            page = answer.json()
            seqs += [frame["seq"] for frame in page["frames"]]
            if not page["next"]:
                return seqs

    async def close(self) -> None:
        """Close the connections kept open."""
        await self._http.aclose()

    async def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """Ask; when there are too many of us, wait as long as we are told.

        Raises:
            httpx.HTTPStatusError: refused, or busy for too long.
        """
        for _ in range(TRIES):
            answer = await self._http.post(path, json=body)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            wait_s = float(answer.json().get("retry_s", 1.0))
            await asyncio.sleep(wait_s * (1.0 + random.random()))
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told
