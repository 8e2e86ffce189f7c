"""One reader at a time: of many processes that could, the one whose name stands in Redis."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class ReaderLease:
    """A lease of `life_s` seconds. Whoever works longer than that without `hold` may have been
    succeeded: what a reader does must bear being done twice."""

    def __init__(self, redis: Redis, key: str, name: str, life_s: float) -> None:
        self._script: Any = redis.register_script(_HOLD)
        self._key = key
        self._args = [name, int(life_s * 1000)]

    async def hold(self) -> bool:
        """Take or renew the lease; False: it is another's."""
        return bool(await self._script(keys=[self._key], args=self._args))
