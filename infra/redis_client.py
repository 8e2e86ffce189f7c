"""How every part of Raydesk connects to Redis: one place for pools, timeouts and retries."""

from __future__ import annotations

from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

CONNECT_RETRIES = 3
WAIT_FOR_CONNECTION_S = 20.0


def connect(url: str, *, max_connections: int = 16, timeout_s: float = 5.0) -> Redis:
    """Return a client that answers in bytes; the first command opens the first connection.

    `max_connections` bounds the sockets; a caller beyond it waits (redis-py's own pool raises).
    `timeout_s` bounds every connect, read and write. A failed *connect* is tried again; a command
    whose connection broke is not, because the server may have run it: the caller knows whether it
    may be repeated.

    Raises:
        redis.exceptions.ConnectionError, redis.exceptions.TimeoutError: by each command.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=WAIT_FOR_CONNECTION_S,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        health_check_interval=15,
        retry=_connect_only(),
        protocol=2,
        connection_class=PackingConnection,
    )
    client: Redis = Redis.from_pool(pool)
    return client


class PackingConnection(Connection):
    """Packs commands in C, as redis-py's blocking client does: a commit has a thousand arguments.

    Only for TCP; redis-py chooses its own class for `rediss://` and `unix://`.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return the command's bytes."""
        words = (*args[0].split(), *args[1:]) if " " in args[0] else args
        return [hiredis.pack_command(tuple(map(_plain, words)))]


def _plain(word: Any) -> Any:
    return word if isinstance(word, str | bytes | int | float) else bytes(word)


def _connect_only() -> Retry:
    # While connecting, redis-py fails with plain OSError (TimeoutError included) and translates it
    # later; a command's failure is redis.ConnectionError, which is not an OSError.
    return Retry(
        ExponentialBackoff(cap=0.5, base=0.05),
        CONNECT_RETRIES,
        supported_errors=(OSError,),  # type: ignore[arg-type]  # see above; the stub is narrower
    )
