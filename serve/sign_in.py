"""Signing in with a password: argon2id off the event loop, bounded, and slow to guess at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from serve.api_errors import ApiError
from serve.doors import Account, Accounts
from serve.gateway.limits import TokenBucket

TRIES_BURST = 10.0
TRIES_RATE = 0.1
"""Tries at one account (from one address), and how fast they grow back, a second."""
ADDRESS_BURST = 50.0
ADDRESS_RATE = 1.0
BUCKETS_N = 10_000


class RateLimit:
    """One token bucket per key; bounded: the longest unused is forgotten first."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def take(self, key: str) -> float:
        """Count one try: return 0.0 if it is allowed, else the seconds until one is.

        The empty key, an address that nobody knows, is never held back.
        """
        if not key:
            return 0.0
        now = self._clock()
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate, self._burst, now)
        if len(self._buckets) >= BUCKETS_N:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        return bucket.take(now)


class SignIn:
    """Checks passwords.

    At most `workers` hashes are computed at once and `waiting` sign-ins wait for one, so that a
    flood of sign-ins cannot take the processor from the chats. An unknown account costs the same
    hash as a known one: the answer's time tells nobody which exist. Tries are counted per account
    *and* address, so that a stranger cannot lock somebody out.
    """

    def __init__(
        self,
        accounts: Accounts,
        clock: Callable[[], float],
        *,
        workers: int = 1,
        waiting: int = 32,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._accounts = accounts
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("the password of nobody")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._room = workers + waiting
        self._inside = 0
        self._by_account = RateLimit(TRIES_RATE, TRIES_BURST, clock)
        self._by_address = RateLimit(ADDRESS_RATE, ADDRESS_BURST, clock)

    async def sign_in(self, org: str, login: str, password: str, address: str) -> Account:
        """Return the account.

        Raises:
            ApiError: `wrong_password` (whatever was wrong), or `overloaded`.
        """
        wait = self._by_address.take(address) or self._by_account.take(f"{org}\n{login}\n{address}")
        if wait:
            raise ApiError("overloaded", "Too many tries: wait, then try again.", wait)
        if self._inside >= self._room:
            raise ApiError("overloaded", "Many are signing in just now: try again.", 2.0)
        self._inside += 1
        try:
            account = await self._accounts.find(org, login)
            stored = account.password_hash if account is not None else self._nobody
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._pool, self._matches, stored, password)
        finally:
            self._inside -= 1
        if account is None or not right or not account.enabled:
            raise ApiError("wrong_password", "Organisation, name or password is wrong.")
        return account

    def close(self) -> None:
        """End the worker threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False
