"""Signing in with a password: argon2id off the event loop, bounded, and slow to guess at."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from serve.api_errors import ApiError
from serve.doors import Account, Accounts
from serve.gateway.limits import TokenBucket

HASHER = PasswordHasher()
TRIES_BURST = 10.0
TRIES_RATE = 0.1
"""Tries at one account (from one address), and how fast they grow back, a second."""
ADDRESS_BURST = 50.0
ADDRESS_RATE = 1.0
BUCKETS_N = 10_000
KNOWN_ROOM = 8
"""Places in the line that only browsers known to the account may take."""
HASH_NICENESS = 10
REST_S, REST_TIMES = 2.0, 3.0
REST_ABOVE = 1.25
"""Times the best hash's duration that is still no sign of a busy machine."""
T = TypeVar("T")


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

    At most `workers` hashes are computed at once, at a low priority, and `waiting` sign-ins wait
    for one, so that a flood of sign-ins cannot take the processor from the chats. An unknown
    account costs the same hash as a known one: the answer's time tells nobody which exist.

    A stranger cannot lock somebody out: tries are counted per account *and* address, and a browser
    that the account signed in from before has a count of its own and room in the line that
    strangers may not fill.
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
        self._hasher = hasher or HASHER
        self._nobody = hash_of_nobody(self._hasher)
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="argon2", initializer=_yield_to_chats
        )
        self._room = workers + waiting
        self._inside = 0
        self._best_s = math.inf
        self._by_account = RateLimit(TRIES_RATE, TRIES_BURST, clock)
        self._by_device = RateLimit(TRIES_RATE, TRIES_BURST, clock)
        self._by_address = RateLimit(ADDRESS_RATE, ADDRESS_BURST, clock)

    async def sign_in(
        self, org: str, login: str, password: str, address: str, device: str = ""
    ) -> Account:
        """Return the account. `device`: a browser that this account signed in from before.

        Raises:
            ApiError: `wrong_password` (whatever was wrong), or `overloaded`.
        """
        self._slow_down(org, login, address, device)
        account = await self._accounts.find(org, login)
        stored = account.password_hash if account is not None else self._nobody
        right = await self.matches(stored or self._nobody, password, known=bool(device))
        # Bots are let in by the system itself; nobody signs in as one.
        if account is None or not right or not account.enabled or not account.password_hash:
            raise ApiError("wrong_password", "Organisation, name or password is wrong.")
        return account

    async def matches(self, stored: str, password: str, *, known: bool = True) -> bool:
        """Tell whether the hash is the password's.

        Raises:
            ApiError: `overloaded`, too many wait already.
        """
        if self._inside >= self._room - (0 if known else KNOWN_ROOM):
            raise ApiError("overloaded", "Many are signing in just now: try again.", 2.0)
        return await self._compute(self._matches, stored, password)

    async def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        return await self._compute(self._hasher.hash, password)

    def close(self) -> None:
        """End the worker threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _slow_down(self, org: str, login: str, address: str, device: str) -> None:
        if device:
            wait = self._by_device.take(f"{org}\n{login}\n{device}")
        else:
            wait = self._by_address.take(address)
            wait = wait or self._by_account.take(f"{org}\n{login}\n{address}")
        if wait:
            raise ApiError("overloaded", "Too many tries: wait, then try again.", wait)

    async def _compute(self, work: Callable[..., T], *arguments: str) -> T:
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, self._paced, work, *arguments
            )
        finally:
            self._inside -= 1

    def _paced(self, work: Callable[..., T], *arguments: str) -> T:
        """Work, then rest if the machine was busy: in the worker's thread, before its next hash."""
        started = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            took = time.perf_counter() - started
            self._best_s = min(self._best_s, took)
            self._pool.submit(time.sleep, rest_after(took, self._best_s))

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False


@cache
def hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return what passwords for unknown accounts are compared with: made once in a process."""
    return hasher.hash("the password of nobody")


def rest_after(took_s: float, best_s: float) -> float:
    """Return how long to leave the processor to others after a hash.

    A hash that took longer than the best one shared the machine with chats: rest `REST_TIMES` as
    long as it was held up, at most `REST_S` (J. Douceur, W. Bolosky, Progress-based Regulation of
    Low-importance Processes, SOSP 1999). On an idle machine there is no rest.
    """
    return min(REST_S, max(0.0, REST_TIMES * (took_s - REST_ABOVE * best_s)))


def _yield_to_chats() -> None:
    """Let the hash's threads run when the event loop does not want the processor (Linux only)."""
    if sys.platform == "linux":
        nicer = min(19, os.getpriority(os.PRIO_PROCESS, 0) + HASH_NICENESS)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nicer)
