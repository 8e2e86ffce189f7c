"""What the authorization server needs from the world, as small Protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from infra.oauth_store import Client, Code, Family, Opened, Pending, Provider, Rotation
from infra.revocation import Revocation

Grant = Literal["authorization_code", "refresh_token", "client_credentials"]


class Revocations(Protocol):
    """The revocation set (`infra.revocation`)."""

    async def now(self) -> float:
        """Return the time by the clock that revocations are stamped with."""
        ...

    async def revoke(self, entry: Revocation, life_s: float) -> None:
        """Store and announce the entry."""
        ...

    async def watch(self, revoked: Callable[[Revocation], None]) -> None:
        """Call `revoked` with every entry, old and new, until cancelled."""
        ...


class Grants(Protocol):
    """Sign-ins on their way, codes and refresh families (`infra.oauth_store`)."""

    async def put_pending(self, key: str, pending: Pending, life_s: float) -> None:
        """Keep a sign-in that is under way."""
        ...

    async def pending(self, key: str) -> Pending | None:
        """Return it."""
        ...

    async def take_pending(self, key: str) -> Pending | None:
        """Return it and forget it; of two callers one gets it."""
        ...

    async def put_code(self, code: str, what: Code, life_s: float) -> None:
        """Keep an authorization code."""
        ...

    async def code(self, code: str) -> Code | None:
        """Return what the code stands for, also when it was used."""
        ...

    async def use_code(self, code: str) -> bool:
        """Mark the code used; False: it was, or it is gone."""
        ...

    async def open_family(self, family: Family) -> None:
        """Begin a family of refresh tokens, at generation 1."""
        ...

    async def family(self, key: str) -> Opened | None:
        """Return a living family and its present generation."""
        ...

    async def rotate(self, key: str, generation: int) -> Rotation:
        """Use a refresh token of that generation: see `Rotation`."""
        ...

    async def end_family(self, key: str) -> None:
        """End one family."""
        ...

    async def families_of(self, org: str, account: str) -> list[str]:
        """Return the keys of somebody's living families."""
        ...

    async def remember_device(self, org: str, account: str, device: str) -> None:
        """Know this browser again as one that the account signed in from."""
        ...

    async def knows_device(self, org: str, account: str, device: str) -> bool:
        """Tell whether the account signed in from this browser before."""
        ...

    async def once(self, key: str, life_s: float) -> bool:
        """Tell whether nobody asked for this key in the last `life_s` seconds."""
        ...


class Registry(Protocol):
    """Clients, identity providers and second factors, in SQL (`infra.oauth_store_sql`)."""

    async def client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        ...

    async def providers(self, org: str = "") -> list[Provider]:
        """Return an organisation's identity providers, or all."""
        ...

    async def totp(self, org: str, account: str) -> str:
        """Return the account's TOTP secret; '' when there is no second factor."""
        ...

    async def set_totp(self, org: str, account: str, secret: str) -> None:
        """Set the secret; '' removes it."""
        ...


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Who came from an identity provider, as the organisation's mapping reads it."""

    org: str
    account: str
    name: str
    role: str


class Accounts(Protocol):
    """The part of the directory that signing in may change."""

    async def set_password(self, org: str, account: str, password_hash: str) -> None:
        """Store a new hash; the settings' stamp of the account changes with it."""
        ...

    async def arrive(self, who: Arrival, *, provision: bool) -> None:
        """Give the account the name and role that its provider says; make it if `provision`.

        Raises:
            LookupError: there is no such account, and none is to be made.
        """
        ...


class SealedKeys(Protocol):
    """Where a rotation is announced to every gateway; what is kept there is encrypted."""

    async def read(self) -> Mapping[str, bytes]:
        """Return the sealed sets by key id."""
        ...

    async def write(self, sealed: Mapping[str, bytes]) -> None:
        """Replace them."""
        ...


@dataclass(frozen=True, kw_only=True)
class OAuthWorld:
    """Everything the authorization server is given. `url` is what browsers call us, and the issuer
    of our tokens. `password_door`: `POST /v1/token` takes passwords (for the demo only)."""

    url: str
    revocations: Revocations
    grants: Grants
    registry: Registry
    accounts: Accounts
    sealed_keys: SealedKeys
    password_door: bool = False
    http: Any = None
    """An `httpx` transport for calls to identity providers; None: the network."""
