"""A customer's current session and last human agent, in one small Redis hash per customer."""

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
if redis.call('HGET', KEYS[1], 'session') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'session')
"""


class Current(msgspec.Struct, frozen=True):
    """What is known of a returning customer; empty strings and 0.0: nothing. `last_session` and
    `last_decision`: which session `last_agent` served, and by which decision."""

    session: str = ""
    last_agent: str = ""
    last_ended_at: float = 0.0
    last_session: str = ""
    last_decision: str = ""


_FIELDS = ["session", "last_agent", "last_ended_at", "last_session", "last_decision"]


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
        session, agent, ended, *last = (value.decode() if value else "" for value in found)
        return Current(session, agent, float(ended or 0.0), *last)

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

    async def forget(self, org: str, customer: str, session: str) -> None:
        """End the session's claim; nothing if another session is the current one by now."""
        await self._forget(keys=[customer_key(org, customer)], args=[session])


def customer_key(org: str, customer: str) -> str:
    """Return the Redis key; ids are quoted, so that no id can name another's key or hash tag."""
    return f"{{c:{quote(org, safe='')}:{quote(customer, safe='')}}}"
