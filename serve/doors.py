"""What the doors need from the world, as small Protocols; `infra/` implements them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from actors.acts import Act
from actors.building import Builder
from actors.config import OrgConfig
from actors.ports import Metrics, Track
from bot.outcomes import OutcomeSink
from infra.directory.store import Directory
from infra.revocation_stamp import stamp_of
from infra.tickets import SqlTickets
from serve.bot_ports import ModelDoor
from serve.decisions import DecisionReader
from serve.gateway.limits import Limits
from serve.oauth.ports import OAuthWorld
from serve.password_hashes import Hashes, HashesBeside
from serve.signing_keys import Jwk
from serve.tokens import ISSUER


class Current(Protocol):
    """What the store remembers of a customer; empty strings and 0.0: nothing."""

    @property
    def session(self) -> str: ...
    @property
    def last_agent(self) -> str: ...
    @property
    def last_ended_at(self) -> float: ...
    @property
    def last_session(self) -> str: ...
    @property
    def last_decision(self) -> str: ...
    @property
    def bot_session(self) -> str: ...
    @property
    def bot_ended_at(self) -> float: ...


class Customers(Protocol):
    """Which session is a customer's current one (`infra.customers`)."""

    async def current(self, org: str, customer: str) -> Current:
        """Return what is remembered."""
        ...

    async def claim(self, org: str, customer: str, new_session: str) -> str:
        """Return the current session, which is `new_session` if there was none."""
        ...

    async def forget(self, org: str, customer: str, session: str) -> None:
        """If `session` is the current one, then there is none."""
        ...


class Configs(Protocol):
    """Each organisation's settings, at no cost: asked at every connect (`serve.config_cache`)."""

    async def get(self, org: str) -> OrgConfig | None:
        """Return the newest settings, None for an unknown organisation."""
        ...


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A web site whose visitors are an organisation's customers."""

    key: str
    """Public: it stands in the embedding page."""
    org: str
    secret: str = ""
    """Signs identity assertions; empty: the site has only anonymous visitors."""
    origins: list[str] = []
    enabled: bool = True


class Sites(Protocol):
    """Sites by their public key."""

    async def get(self, key: str) -> Site | None:
        """Return the site, None if there is none with that key."""
        ...


class Acts(Protocol):
    """Where the doors put acts of supervision on their way to the audit (`infra.acts`)."""

    async def append(self, org: str, act: Act) -> None:
        """Keep the act; it is durable when this returns."""
        ...


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in. `password_hash` is argon2id (PHC string)."""

    org: str
    id: str
    name: str
    role: str
    kind: str = "human"
    password_hash: str = ""
    enabled: bool = True

    @property
    def stamp(self) -> str:
        """What tokens of this password carry."""
        return stamp_of(self.password_hash)


class Accounts(Protocol):
    """Accounts by what a person types in."""

    async def find(self, org: str, login: str) -> Account | None:
        """Return the account, None if there is none."""
        ...


class History(Protocol):
    """Reads a session's stored timeline."""

    async def customer(self, org: str, session: str) -> str | None:
        """Return the id of the session's customer; None for an unknown session."""
        ...

    async def took_part(self, org: str, session: str, agent: str) -> bool:
        """Tell whether the agent appears in the session."""
        ...

    async def place(self, org: str, session: str) -> tuple[str, str]:
        """Return the session's queue and the agent who serves or served it ('' for none)."""
        ...

    async def page(
        self, org: str, session: str, track: Track, after: int, limit: int
    ) -> list[bytes]:
        """Return up to `limit` encoded frames with seq > after, ascending."""
        ...


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """The world, as one process's doors are given it. `opened` holds what must run while they are
    open (leases, watchers); it is entered in the doors' event loop before the first socket."""

    customers: Customers
    configs: Configs
    sites: Sites
    accounts: Accounts
    history: History
    metrics: Metrics
    keys: Sequence[Jwk]
    new_id: Callable[[], str]
    ready: Callable[[], Awaitable[bool]]
    opened: Callable[[], AbstractAsyncContextManager[None]]
    limits: Limits
    origins: frozenset[str] = frozenset()
    issuer: str = ISSUER
    """Of our tokens."""
    hashes: Hashes = field(default_factory=HashesBeside)
    """Hashes passwords; its process starts with the first one."""
    oauth: OAuthWorld | None = None
    """None: tokens come from elsewhere, and `POST /v1/token` takes passwords."""
    config_news: Callable[[Callable[[OrgConfig], None]], None] = lambda _: None
    """Calls back with every organisation's new settings."""
    directory: Directory | None = None
    """None: there is no administration API."""
    acts: Acts | None = None
    """None: nobody audits."""
    bot_door: ModelDoor | None = None
    """The way to the bot's model; None: nothing is suggested."""
    outcomes: RunningSink | None = None
    """Hears which suggestions were used; run while the doors are open."""
    decisions: DecisionReader | None = None
    """None: there is no decision log to read."""
    tickets: SqlTickets | None = None
    proxies_n: int = 0
    """Proxies of ours and the operator's between a caller and us, each adding the address it saw to
    `X-Forwarded-For`."""


class RunningSink(OutcomeSink, Protocol):
    """An `OutcomeSink` that carries what it was given while it runs."""

    async def run(self) -> None:
        """Carry until cancelled."""
        ...


class AdaptersBuilder(Protocol):
    """Made once by whoever starts the system, and sent to every gateway (picklable)."""

    @property
    def actors(self) -> Builder:
        """The actors' own builder, for the fabric."""
        ...

    @property
    def keys(self) -> Sequence[Jwk]:
        """Return the signing keys; the first signs."""
        ...

    @property
    def issuer(self) -> str:
        """Return the issuer of our tokens."""
        ...

    def outcomes(self) -> RunningSink:
        """Return where outcomes of questions go; it must be run."""
        ...

    async def adapters(self, name: str) -> Adapters:
        """Return the adapters of the gateway of that name, in its process."""
        ...
