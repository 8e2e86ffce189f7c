"""The revocation set: a short log in Redis that every gateway holds in memory.

An entry is written, numbered and announced in one script. A reader subscribes, reads what is new by
number, and looks again every `check_s`, so that a lost announcement costs at most that. An entry
leaves when every token that it could refuse has expired.

Times are Redis's own (`TIME`): sign-ins are stamped by the same clock (`now`), so "everything older
than this" needs no agreement between the clocks of gateways.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from actors.cancelling import raise_if_cancelled

LOG, UNTIL, NUMBER = "{revoked}:log", "{revoked}:until", "{revoked}:number"
CHANNEL = "{revoked}:news"

_ADD = """
-- KEYS: log, until, number. ARGV: entry without its time, life, channel, whether it has a time.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], old)
  redis.call('ZREM', KEYS[2], old)
end
local entry = cjson.decode(ARGV[1])
entry.until_at = now + tonumber(ARGV[2])
if ARGV[4] == '1' then entry.before = now end
local body = cjson.encode(entry)
local number = redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[1], number, body)
redis.call('ZADD', KEYS[2], entry.until_at, body)
redis.call('PUBLISH', ARGV[3], number)
return number
"""

log = structlog.get_logger()


class Revocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is no longer valid: one token, one sign-in (`family`), or, without either, everything
    of that person which is not newer than `before`. Ends mattering at `until_at`."""

    org: str
    subject: str
    token: str = ""
    family: str = ""
    before: float = 0.0
    until_at: float = 0.0


_decoder = msgspec.json.Decoder(Revocation)


class RedisRevocations:
    """Writes and follows the set (implements `serve.oauth.ports.Revocations`)."""

    def __init__(self, redis: Redis, *, check_s: float = 1.0) -> None:
        self._redis = redis
        self._check_s = check_s
        self._add = redis.register_script(_ADD)

    async def now(self) -> float:
        """Return the time by the clock that revocations are stamped with."""
        seconds, micros = await self._redis.time()
        return float(seconds) + float(micros) / 1e6

    async def revoke(self, entry: Revocation, life_s: float) -> None:
        """Add the entry for `life_s` seconds; return once it is stored and announced.

        May be repeated. For a whole person the store sets `before` to its present time.
        """
        whole = not entry.token and not entry.family
        body = msgspec.json.encode(entry)
        args: list[str | bytes | float] = [body, life_s, CHANNEL, "1" if whole else "0"]
        await self._add(keys=[LOG, UNTIL, NUMBER], args=args)

    async def watch(self, revoked: Callable[[Revocation], None]) -> None:
        """Call `revoked` with every entry that matters now, then with every new one, until
        cancelled. An entry may come twice."""
        last = 0
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    while True:
                        last = await self._read_new(last, revoked)
                        await self._news(pubsub)
            except (RedisError, OSError) as error:
                log.warning("revocation.watch_broken", error=str(error))
                await asyncio.sleep(min(0.2, self._check_s))

    async def _read_new(self, last: int, revoked: Callable[[Revocation], None]) -> int:
        stored = int(cast("bytes | None", await self._redis.get(NUMBER)) or 0)
        if stored < last:  # the store lost its data: whatever it has now is new
            last = 0
        if stored == last:
            return last
        found = await self._redis.zrangebyscore(LOG, f"({last}", stored)
        for body in cast("list[bytes]", found):
            revoked(_decoder.decode(body))
        return stored

    async def _news(self, pubsub: PubSub) -> None:
        """Wait for an announcement, at most `check_s`; several at once are one reason to look."""
        timeout = self._check_s
        while await pubsub.get_message(timeout=timeout) is not None:
            timeout = 0.0
        raise_if_cancelled()
