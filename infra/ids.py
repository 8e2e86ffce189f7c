"""Snowflake ids: 41 bits of milliseconds since 2025, 10 bits of worker, 12 bits of sequence.

Two things keep an id from ever being issued twice. The worker number is leased in Redis. And every
lease names a *horizon*: the last millisecond its holder may stamp; it is stored before it is used,
and the next holder of that number starts after it. So neither a clock set back, nor a restart, nor
a process that was stopped for an hour and goes on with a lost lease can repeat an id.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
WORKER_BITS = 10
SEQUENCE_BITS = 12
WORKER_N = 1 << WORKER_BITS
SEQUENCE_N = 1 << SEQUENCE_BITS
WORTH_WAITING_MS = 5
LAST_MS = EPOCH_MS + (1 << 41) - 1

log = structlog.get_logger()


class IdsStoppedError(Exception):
    """No id may be issued now: the lease of the worker number is not renewed, or used up."""


def now_ms() -> int:
    """Return the wall clock in whole milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Snowflake:
    """The generator: strictly growing ids of one worker number. No I/O.

    `after_ms`: the last millisecond that an earlier holder may have stamped. `horizon_ms`: the last
    one that this holder may. `clock` gives milliseconds, `pause` waits that many seconds.
    """

    def __init__(
        self,
        worker: int,
        clock: Callable[[], int] = now_ms,
        *,
        after_ms: int = 0,
        horizon_ms: int = LAST_MS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 <= worker < WORKER_N:
            raise ValueError(f"worker must be 0..{WORKER_N - 1}, is {worker}")
        self.worker = worker
        self.horizon_ms = horizon_ms
        self.last_ms = max(after_ms, EPOCH_MS)
        self._sequence = SEQUENCE_N - 1  # nothing more in `after_ms`
        self._clock = clock
        self._pause = pause

    def next(self) -> str:
        """Return the next id, a decimal string.

        Raises:
            IdsStoppedError: every id up to the horizon is used.
        """
        now = self._clock()
        if now < self.last_ms:
            now = self._wait(now)
        if now > self.last_ms and self.last_ms < self.horizon_ms:
            self.last_ms = min(now, self.horizon_ms)
            self._sequence = 0
        elif self._sequence < SEQUENCE_N - 1:
            self._sequence += 1
        elif self.last_ms < self.horizon_ms:
            self.last_ms += 1
            self._sequence = 0
        else:
            raise IdsStoppedError("ids up to the horizon of the lease are used up")
        return str(
            ((self.last_ms - EPOCH_MS) << (WORKER_BITS + SEQUENCE_BITS))
            | (self.worker << SEQUENCE_BITS)
            | self._sequence
        )

    def _wait(self, now: int) -> int:
        """The clock is behind: a few milliseconds are waited for, more are not."""
        if self.last_ms - now > WORTH_WAITING_MS:
            return now
        self._pause((self.last_ms - now) / 1000)
        return self._clock()


def millis_of(snowflake: str) -> int:
    """Return the milliseconds since 1970 that an id carries."""
    return (int(snowflake) >> (WORKER_BITS + SEQUENCE_BITS)) + EPOCH_MS


_LEASE = "{ids}:lease:"
_HORIZONS = "{ids}:horizons"

_ACQUIRE = """
-- ARGV: token, ttl ms, now ms, span ms, first worker to try, number of workers
local n = tonumber(ARGV[6])
for i = 0, n - 1 do
  local worker = (tonumber(ARGV[5]) + i) % n
  if redis.call('SET', KEYS[1] .. worker, ARGV[1], 'NX', 'PX', ARGV[2]) then
    local after = tonumber(redis.call('HGET', KEYS[2], worker) or '0')
    local horizon = math.max(after, tonumber(ARGV[3])) + tonumber(ARGV[4])
    redis.call('HSET', KEYS[2], worker, string.format('%.0f', horizon))
    return {worker, string.format('%.0f', after), string.format('%.0f', horizon)}
  end
end
return {}
"""

_RENEW = """
-- ARGV: token, ttl ms, worker, horizon we hold, horizon we want. Returns 1, or 0 when lost.
local holder = redis.call('GET', KEYS[1] .. ARGV[3])
if holder and holder ~= ARGV[1] then return 0 end
if redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1] .. ARGV[3], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
return 1
"""

_RELEASE = """
if redis.call('GET', KEYS[1] .. ARGV[2]) == ARGV[1] then redis.call('DEL', KEYS[1] .. ARGV[2]) end
return 1
"""


class WorkerLease:
    """The shell: holds a worker number in Redis, renews it, and issues ids while it may.

    After a crash the number is free again when its lease ends; `release` frees it at once. A number
    that was lost to another holder is replaced by a fresh one at the next renewal.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        lease_s: float = 30.0,
        clock: Callable[[], int] = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._lease_s = lease_s
        self._clock = clock
        self._monotonic = monotonic
        self._token = secrets.token_hex(16)
        self._snowflake = Snowflake(0, clock, horizon_ms=0)
        self._until = -1.0
        self._acquire = redis.register_script(_ACQUIRE)
        self._renew = redis.register_script(_RENEW)
        self._release = redis.register_script(_RELEASE)

    @property
    def worker(self) -> int:
        """The worker number held."""
        return self._snowflake.worker

    def next(self) -> str:
        """Return a fresh id.

        Raises:
            IdsStoppedError: the lease ended without a renewal.
        """
        if self._monotonic() > self._until:
            raise IdsStoppedError("the worker number's lease could not be renewed")
        return self._snowflake.next()

    async def acquire(self) -> None:
        """Take a free worker number.

        Raises:
            IdsStoppedError: all are taken.
            RedisError: the store does not answer.
        """
        asked_at = self._monotonic()
        # Twice the lease, so that the horizon is never what stops a healthy holder.
        span = int(self._lease_s * 2000)
        first = secrets.randbelow(WORKER_N)
        args: list[str | int] = [self._token, self._ttl_ms(), self._clock()]
        args += [span, first, WORKER_N]
        answer = cast("list[bytes]", await self._acquire(keys=[_LEASE, _HORIZONS], args=args))
        if not answer:
            raise IdsStoppedError(f"all {WORKER_N} worker numbers are leased")
        worker, after, horizon = (int(value) for value in answer)
        self._snowflake = Snowflake(worker, self._clock, after_ms=after, horizon_ms=horizon)
        self._until = asked_at + self._lease_s
        log.info("ids.leased", worker=worker)

    async def renew(self) -> None:
        """Extend the lease and the horizon; a lost number is replaced by a fresh one.

        Raises:
            IdsStoppedError, RedisError: as `acquire`; ids go on until the lease ends.
        """
        asked_at, snowflake = self._monotonic(), self._snowflake
        wanted = max(self._clock(), snowflake.last_ms) + int(self._lease_s * 2000)
        wanted = max(wanted, snowflake.horizon_ms)
        renewal: list[str | int] = [self._token, self._ttl_ms(), snowflake.worker]
        renewal += [snowflake.horizon_ms, wanted]
        if await self._renew(keys=[_LEASE, _HORIZONS], args=renewal):
            snowflake.horizon_ms = wanted
            self._until = asked_at + self._lease_s
            return
        log.warning("ids.lease_lost", worker=snowflake.worker)
        self._until = -1.0
        await self.acquire()

    async def ready(self) -> None:
        """Wait until ids may be issued; a lease that ran out is renewed at once."""
        while self._monotonic() > self._until:
            try:
                await self.renew()
            except (RedisError, OSError, IdsStoppedError) as error:
                log.warning("ids.not_ready", worker=self.worker, error=str(error))
                await asyncio.sleep(0.2)

    async def run(self) -> None:
        """Renew three times per lease until cancelled; failures are logged and tried again."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self.renew()
            except (RedisError, OSError, IdsStoppedError) as error:
                log.warning("ids.not_renewed", worker=self.worker, error=str(error))

    async def release(self) -> None:
        """Give the number back; no id is issued afterwards."""
        self._until = -1.0
        await self._release(keys=[_LEASE], args=[self._token, self.worker])

    def _ttl_ms(self) -> int:
        return max(1, int(self._lease_s * 1000))
