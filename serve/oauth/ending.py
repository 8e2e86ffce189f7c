"""How sign-ins end, everywhere: first the revocation set is told, then the refresh tokens go."""

from __future__ import annotations

from infra.oauth_store import Family
from infra.revocation import Revocation
from serve.oauth.ports import Grants, Revocations

RETAIN_S = 25 * 3600.0
"""No token that a door accepts lives longer: a visitor's 24 h, a provider's no more than that."""


class Ending:
    """Ends tokens, sign-ins and all sign-ins of somebody. Each may be repeated."""

    def __init__(self, grants: Grants, revocations: Revocations) -> None:
        self._grants = grants
        self._revocations = revocations

    async def token(self, org: str, subject: str, token_id: str) -> None:
        """End one access or visitor token."""
        await self._add(Revocation(org=org, subject=subject, token=token_id))

    async def family(self, family: Family) -> None:
        """End one sign-in: its refresh tokens, access tokens and sockets."""
        await self._add(Revocation(org=family.org, subject=family.account, family=family.key))
        await self._grants.end_family(family.key)

    async def sign_in(self, org: str, subject: str, key: str) -> None:
        """The same by the sign-in's key, whether or not it has refresh tokens."""
        await self._add(Revocation(org=org, subject=subject, family=key))
        await self._grants.end_family(key)

    async def person(self, org: str, subject: str) -> None:
        """End everything that an account or customer has: for a new password, a disabled account,
        or "sign out everywhere"."""
        await self._add(Revocation(org=org, subject=subject))
        for key in await self._grants.families_of(org, subject):
            await self._grants.end_family(key)

    async def _add(self, entry: Revocation) -> None:
        await self._revocations.revoke(entry, RETAIN_S)
