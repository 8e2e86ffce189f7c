"""Signing in with a password: argon2id off the event loop, bounded, and slow to guess at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from serve.api_errors import ApiError
from serve.doors import Account, Accounts
from serve.gateway.limits import TokenBucket
from serve.password_hashes import Hashes, HashesBeside

TRIES_BURST = 10.0
TRIES_RATE = 0.1
"""Tries at one account (from one address), and how fast they grow back, a second."""
ADDRESS_BURST = 50.0
ADDRESS_RATE = 1.0
BUCKETS_N = 10_000
KNOWN_ROOM = 8
"""Places in the line that only browsers known to the account may take."""
NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$lK6jRS7BtHC4dQRD4I7n8g"
    "$Qn5oA7wlGsIw64i4+4CPTQ2gwCU/HlVMNYqf59mDDjE"
)
"""Of a password that nobody knows, at the cost of every other: what passwords for unknown accounts
are compared with."""


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

    One hash is computed at a time, in a process of its own that runs when the processor would
    idle, and `waiting` sign-ins wait for theirs, so that a flood of sign-ins cannot take the
    processor from the chats. An unknown account costs the same hash as a known one: the answer's
    time tells nobody which exist.

    A stranger cannot lock somebody out: tries are counted per account *and* address, and a browser
    that the account signed in from before has a count of its own and room in the line that
    strangers may not fill.
    """

    def __init__(
        self,
        accounts: Accounts,
        clock: Callable[[], float],
        *,
        waiting: int = 32,
        hashes: Hashes | None = None,
    ) -> None:
        self._accounts = accounts
        self._hashes = hashes or HashesBeside()
        self._room = 1 + waiting
        self._inside = 0
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
        stored = account.password_hash if account is not None else NOBODYS
        right = await self.matches(stored or NOBODYS, password, known=bool(device))
        # Bots are let in by the system itself; nobody signs in as one.
        if account is None or not right or not account.enabled or not account.password_hash:
            raise ApiError("wrong_password", "Organisation, name or password is wrong.")
        return account

    async def matches(self, stored: str, password: str, *, known: bool = True) -> bool:
        """Tell whether the hash is the password's.

        Raises:
            ApiError: `overloaded`, too many wait already.
        """
        async with self._in_line(0 if known else KNOWN_ROOM):
            return await self._hashes.matches(stored, password)

    async def hash(self, password: str) -> str:
        """Return the hash of a new password.

        Raises:
            ApiError: `overloaded`, too many wait already.
        """
        async with self._in_line(0):
            return await self._hashes.hash(password)

    def close(self) -> None:
        """End the process that hashes."""
        self._hashes.close()

    def _slow_down(self, org: str, login: str, address: str, device: str) -> None:
        if device:
            wait = self._by_device.take(f"{org}\n{login}\n{device}")
        else:
            wait = self._by_address.take(address)
            wait = wait or self._by_account.take(f"{org}\n{login}\n{address}")
        if wait:
            raise ApiError("overloaded", "Too many tries: wait, then try again.", wait)

    @asynccontextmanager
    async def _in_line(self, kept_back: int) -> AsyncIterator[None]:
        """Stand in the line for the one hash at a time, if there is room."""
        if self._inside >= self._room - kept_back:
            raise ApiError("overloaded", "Many passwords are checked just now: try again.", 2.0)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
