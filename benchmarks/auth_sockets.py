"""The parts of `benchmarks.auth` that hold sockets: connecting, and being revoked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import msgspec

from benchmarks.histogram import Histogram
from benchmarks.lean_socket import LeanSocket, connect

CONNECTING_N = 32
"""Handshakes under way at once."""
REVOKING_N = 8
WITHIN_S = 30.0

Token = Callable[[int], str]


class Guest:
    """One person's socket, from hello to its end."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.socket: LeanSocket | None = None

    async def enter(self, url: str) -> None:
        """Return once the door said welcome.

        Raises:
            ConnectionResetError: it said something else.
        """
        self.socket = await connect(url, self._heard, self._lost)
        self.socket.send(msgspec.json.encode({"t": "hello", "token": self.token}))
        async with asyncio.timeout(WITHIN_S):
            await self.welcomed

    def _heard(self, _: LeanSocket, text: bytes) -> None:
        if self.welcomed.done():
            return
        if b'"t":"welcome"' in text[:40]:
            self.welcomed.set_result(None)
        else:
            self.welcomed.set_exception(ConnectionResetError(text.decode()))

    def _lost(self, _: LeanSocket) -> None:
        if not self.closed.done():
            self.closed.set_result(time.perf_counter())
        if not self.welcomed.done():
            self.welcomed.set_exception(ConnectionResetError("closed before the welcome"))


async def connects(url: str, token: Token, seconds: float) -> dict[str, object]:
    """Return authenticated connects a second, each with a token that no gateway has seen."""
    tokens = iter([token(1_000_000 + n) for n in range(int(seconds * 1500))])
    latency, failed = Histogram(), 0
    started = time.perf_counter()

    async def guest_after_guest() -> None:
        nonlocal failed
        for text in tokens:
            before = time.perf_counter()
            if before - started > seconds:
                return
            guest = Guest(text)
            try:
                await guest.enter(url)
                latency.add(time.perf_counter() - before)
            except (OSError, TimeoutError):
                failed += 1
            if guest.socket is not None:
                guest.socket.abort()

    await asyncio.gather(*(guest_after_guest() for _ in range(CONNECTING_N)))
    spent = time.perf_counter() - started
    return {"per_s": round(latency.n / spent, 1), "ms": latency.summary_ms(), "failed": failed}


async def revocations(url: str, http_url: str, token: Token, sockets: int) -> dict[str, object]:
    """Return how long after `POST /v1/me/sign-out` was sent a socket is closed, over all of
    `sockets` open ones, and how many tokens were then still let in."""
    guests = [Guest(token(n)) for n in range(sockets)]
    room = asyncio.Semaphore(CONNECTING_N)

    async def enter(guest: Guest) -> None:
        async with room:
            await guest.enter(url)

    await asyncio.gather(*(enter(guest) for guest in guests))
    latency, waiting = Histogram(), iter(guests)

    async def revoke_one_after_another(http: httpx.AsyncClient) -> None:
        for guest in waiting:
            sent = time.perf_counter()
            headers = {"authorization": f"Bearer {guest.token}"}
            answer = await http.post("/v1/me/sign-out", json={}, headers=headers)
            answer.raise_for_status()
            async with asyncio.timeout(WITHIN_S):
                latency.add(max(0.0, await guest.closed - sent))

    async with httpx.AsyncClient(base_url=http_url, trust_env=False, timeout=WITHIN_S) as http:
        await asyncio.gather(*(revoke_one_after_another(http) for _ in range(REVOKING_N)))
    let_in = 0
    for guest in guests[:50]:
        try:
            await Guest(guest.token).enter(url)
            let_in += 1
        except ConnectionResetError:
            continue
    return {"sockets": sockets, "ms": latency.summary_ms(), "tokens_still_let_in": let_in}
