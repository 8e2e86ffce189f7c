"""The durable chat path on python-socketio: `python -m benchmarks.peers.python_socketio PORT URL`.

Join a session's room; every `say` is one Lua call, then the other side gets it, then the sender
its ack. Set up as its documentation advises: uvicorn with uvloop, the Redis manager on, and a
blocking connection pool, because redis-py's default one raises at 100 connections.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import socketio
import uvicorn
from redis.asyncio import BlockingConnectionPool, Redis

LUA = Path(__file__).with_name("say.lua")
POOL_N = 64


class Json:
    """msgspec in the shape of the json module: faster than the default, the same bytes."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: object) -> Any:
        return msgspec.json.decode(text)


class Manager(socketio.AsyncRedisManager):  # type: ignore[misc]  # the library is not typed
    """The library's Redis manager on a pool that waits for a free connection."""

    def _redis_connect(self) -> None:
        self.redis = Redis(connection_pool=blocking_pool(self.redis_url))
        self.pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
        self.connected = True


def blocking_pool(redis_url: str) -> BlockingConnectionPool:
    """Return a pool of POOL_N connections that makes the next caller wait."""
    return BlockingConnectionPool.from_url(redis_url, max_connections=POOL_N, timeout=None)


def build(redis_url: str) -> socketio.ASGIApp:
    """Return the ASGI application; it keeps its state in the Redis at `redis_url`."""
    commit = Redis(connection_pool=blocking_pool(redis_url)).register_script(LUA.read_text())
    server = socketio.AsyncServer(
        async_mode="asgi",
        client_manager=Manager(redis_url),
        transports=["websocket"],
        json=Json,
    )

    async def join(sid: str, session: str) -> dict[str, str]:
        await server.enter_room(sid, session)
        return {"session": session}

    async def say(sid: str, frame: dict[str, str]) -> dict[str, object]:
        session, client_id = frame["session"], frame["client_id"]
        message = {
            "session": session,
            "client_id": client_id,
            "from": sid,
            "at": time.time(),
            "text": frame["text"],
        }
        keys = [f"peer:{{{session}}}", f"peer:{{{session}}}:timeline"]
        seq, again = await commit(keys=keys, args=[client_id, msgspec.json.encode(message)])
        if not again:
            await server.emit("message", message | {"seq": seq}, room=session, skip_sid=sid)
        return {"client_id": client_id, "seq": seq}

    server.on("join", join)
    server.on("say", say)
    return socketio.ASGIApp(server)


class Announcing(uvicorn.Server):
    """Says `ready` on standard output once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("ready", flush=True)


def main() -> None:
    """Serve until the process is ended."""
    port, redis_url = sys.argv[1:3]
    config = uvicorn.Config(
        build(redis_url), host="127.0.0.1", port=int(port), log_level="warning", loop="uvloop"
    )
    Announcing(config).run()


if __name__ == "__main__":
    main()
