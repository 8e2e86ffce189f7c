"""A customer's current session, last human agent and last session with a bot alone, in one small
Redis hash per customer."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import msgspec
from redis.asyncio import Redis

TTL_S = 90 * 24 * 3600

_CLAIM = """
local taken = redis.call('HSETNX', KEYS[1], 'session', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if taken == 1 then return ARGV[1] end
return redis.call('HGET', KEYS[1], 'session')
"""

_FORGET = """
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'bot_session', ARGV[1], 'bot_ended_at', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
if redis.call('HGET', KEYS[1], 'session') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'session')
"""


class Current(msgspec.Struct, frozen=True):
    """What is known of a returning customer; empty strings and 0.0: nothing. `last_session` and
    `last_decision`: which session `last_agent` served, and by which decision. `bot_session`: the
    last one that a bot served and no person did."""

    session: str = ""
    last_agent: str = ""
    last_ended_at: float = 0.0
    last_session: str = ""
    last_decision: str = ""
    bot_session: str = ""
    bot_ended_at: float = 0.0


_FIELDS = list(Current.__struct_fields__)


class RedisCustomers:
    """`actors.ports.CustomerIndex` and the gateway's side of it.

    Every write may be repeated. Entries end 90 days after the last write.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim = redis.register_script(_CLAIM)
        self._forget = redis.register_script(_FORGET)

    async def current(self, org: str, customer: str) -> Current:
        """Return the customer's current session and last human agent."""
        found = cast(
            "list[bytes | None]", await self._redis.hmget(customer_key(org, customer), _FIELDS)
        )
        known = {name: value.decode() for name, value in zip(_FIELDS, found, strict=True) if value}
        return msgspec.convert(known, Current, strict=False)

    async def claim(self, org: str, customer: str, new_session: str) -> str:
        """Return the customer's current session, which is `new_session` if there was none.
        Of two callers at once, both get the same answer."""
        answer = await self._claim(keys=[customer_key(org, customer)], args=[new_session, TTL_S])
        return cast("bytes", answer).decode()

    async def remember(
        self, org: str, customer: str, agent: str, at: float, *, session: str, decision: str
    ) -> None:
        """Store the last human agent, when that session ended (seconds since 1970), which it was,
        and the decision that gave it to the agent."""
        key = customer_key(org, customer)
        fields: Any = {
            "last_agent": agent,
            "last_ended_at": repr(at),
            "last_session": session,
            "last_decision": decision,
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, TTL_S)
            await pipe.execute()

    async def forget(
        self, org: str, customer: str, session: str, bot_ended_at: float = 0.0
    ) -> None:
        """End the session's claim; nothing if another session is the current one by now. Store
        when it ended (seconds since 1970), if a bot alone served it."""
        ended_at = repr(bot_ended_at) if bot_ended_at else ""
        await self._forget(keys=[customer_key(org, customer)], args=[session, ended_at, TTL_S])


def customer_key(org: str, customer: str) -> str:
    """Return the Redis key; ids are quoted, so that no id can name another's key or hash tag."""
    return f"{{c:{quote(org, safe='')}:{quote(customer, safe='')}}}"
