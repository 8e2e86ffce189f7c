"""The second factor: six digits that change every 30 s (TOTP, RFC 6238). Each counts once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyotp

from serve.oauth.ports import Grants, Registry
from serve.sign_in import RateLimit

STEP_S = 30
DRIFT = 1
"""Steps that a phone's clock may be off."""
TRIES_BURST, TRIES_RATE = 10.0, 1 / 60
"""Codes tried for one account: at this rate a million codes take two years. Only whoever knows the
password gets to try one, so nobody else is locked out by it."""


class Factors:
    """Checks and sets second factors."""

    def __init__(
        self,
        registry: Registry,
        grants: Grants,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._grants = grants
        self._wall = wall
        self._tries = RateLimit(TRIES_RATE, TRIES_BURST, clock)

    async def has(self, org: str, account: str) -> bool:
        """Tell whether the account wants a second factor."""
        return bool(await self._registry.totp(org, account))

    def wait(self, org: str, account: str) -> float:
        """Count one try; return the seconds until one is allowed."""
        return self._tries.take(f"{org}\n{account}")

    async def accept(self, org: str, account: str, code: str) -> bool:
        """Tell whether the code is right now and was never used."""
        return await self.matches(org, account, code, await self._registry.totp(org, account))

    async def matches(self, org: str, account: str, code: str, secret: str) -> bool:
        """The same with a secret that is not the account's yet."""
        if not secret or len(code) != 6 or not code.isascii() or not code.isdigit():
            return False
        totp, now = pyotp.TOTP(secret, interval=STEP_S), int(self._wall() // STEP_S)
        for step in range(now - DRIFT, now + DRIFT + 1):
            if pyotp.utils.strings_equal(totp.generate_otp(step), code):
                # RFC 6238, 5.2: a code is accepted once, whoever looked over the shoulder.
                used = f"totp\n{org}\n{account}\n{step}"
                return await self._grants.once(used, STEP_S * (2 * DRIFT + 2))
        return False


def new_secret() -> str:
    """Return a secret for an authenticator app."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, account: str, org: str) -> str:
    """Return what the app's QR code holds."""
    uri: str = pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(
        name=f"{account}@{org}", issuer_name="Raydesk"
    )
    return uri
