"""The doors as Ray Serve runs them: behind its HAProxy, in a replica."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0
WITHIN_S = 30.0

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[dict[str, Any]]:
    """The program `tests.support.serve_doors`, serving."""
    # A Unix socket's path must be short, so not under pytest's own folder.
    with tempfile.TemporaryDirectory(prefix="rd") as folder:
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.serve_doors",
            folder,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert program.stdout is not None
        assert program.stdin is not None
        async with asyncio.timeout(START_S):
            while not (line := await program.stdout.readline()).startswith(b"{"):
                assert line, "the program ended before it served"
        yield json.loads(line)
        program.stdin.close()
        async with asyncio.timeout(START_S):
            await program.wait()
        assert program.returncode == 0


async def test_a_socket_through_serve_is_uncompressed_and_direct(served: dict[str, Any]) -> None:
    async with asyncio.timeout(WITHIN_S), connect(f"ws://127.0.0.1:{served['port']}/ws") as ws:
        assert ws.protocol.extensions == []
        await ws.send(json.dumps({"t": "hello", "token": served["token"], "batch": True}))
        assert json.loads(await ws.recv())["t"] == "welcome"
        await ws.send(json.dumps([{"t": "ping"}] * 5))
        assert [frame["t"] for frame in json.loads(await ws.recv())] == ["pong"] * 5
        await ws.send(json.dumps({"t": "say", "pad": "x" * 900_000}))
        assert json.loads(await ws.recv())["code"] == "too_large"


async def test_a_message_over_a_megabyte_is_told_why_it_closes(served: dict[str, Any]) -> None:
    async with asyncio.timeout(WITHIN_S), connect(f"ws://127.0.0.1:{served['port']}/ws") as ws:
        await ws.send(json.dumps({"t": "hello", "token": served["token"]}))
        await ws.recv()
        await ws.send("x" * 2_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_http_goes_the_same_way(served: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{served['port']}"
    async with httpx.AsyncClient(base_url=url, timeout=WITHIN_S) as http:
        assert (await http.get("/healthz")).json()["status"] == "ok"
        visitor = (await http.post("/v1/sites/shop/token", json={})).json()
        assert visitor["org"] == "acme"
        assert (await http.get("/v1/nothing")).json()["code"] == "not_found"
