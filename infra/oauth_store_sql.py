"""Clients, identity providers and second factors, in SQL: what is registered and must last."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import JSON, Connection, ForeignKey, String, delete, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from infra.directory.tables import Organisation
from infra.oauth_store import Client, Provider

ID = String(128)
T = TypeVar("T")


class Base(DeclarativeBase):
    """Base of these tables. They have a schema of their own and no migration yet: version 1."""


def _org() -> ForeignKey:
    return ForeignKey(Organisation.__table__.c.id, ondelete="CASCADE")


class ClientRow(Base):
    """A registered client."""

    __tablename__ = "oauth_clients"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    org: Mapped[str] = mapped_column(ID, _org(), index=True)
    name: Mapped[str]
    secret_hash: Mapped[str]
    redirect_uris: Mapped[list[Any]] = mapped_column(JSON)
    grants: Mapped[list[Any]] = mapped_column(JSON)
    role: Mapped[str]


class ProviderRow(Base):
    """An organisation's identity provider."""

    __tablename__ = "identity_providers"
    org: Mapped[str] = mapped_column(ID, _org(), primary_key=True)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str]
    login_claim: Mapped[str]
    groups_claim: Mapped[str]
    roles: Mapped[dict[str, Any]] = mapped_column(JSON)
    provision: Mapped[bool]
    audience: Mapped[str]


class FactorRow(Base):
    """An account's second factor. No key to the account's row: an import writes that one anew."""

    __tablename__ = "second_factors"
    org: Mapped[str] = mapped_column(ID, _org(), primary_key=True)
    account: Mapped[str] = mapped_column(ID, primary_key=True)
    secret: Mapped[str]


class SqlRegistry:
    """Implements `serve.oauth.ports.Registry`, and the command line's side of it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def prepare(self) -> None:
        """Make the tables that are missing; the directory's must be there."""
        async with self._engine.begin() as connection:
            await connection.run_sync(_prepare)

    async def client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        async with AsyncSession(self._engine) as session:
            row = await session.get(ClientRow, client_id)
            return None if row is None else _fields(row, Client)

    async def set_client(self, client: Client) -> None:
        """Add or replace a client."""
        await self._merge(ClientRow(**msgspec.structs.asdict(client)))

    async def providers(self, org: str = "") -> list[Provider]:
        """Return an organisation's identity providers, or all."""
        wanted = select(ProviderRow).order_by(ProviderRow.org, ProviderRow.id)
        if org:
            wanted = wanted.where(ProviderRow.org == org)
        async with AsyncSession(self._engine) as session:
            return [_fields(row, Provider) for row in await session.scalars(wanted)]

    async def set_provider(self, provider: Provider) -> None:
        """Add or replace a provider."""
        await self._merge(ProviderRow(**msgspec.structs.asdict(provider)))

    async def remove_provider(self, org: str, provider: str) -> None:
        """Remove a provider; may be repeated."""
        gone = delete(ProviderRow).where(ProviderRow.org == org, ProviderRow.id == provider)
        async with AsyncSession(self._engine) as session, session.begin():
            await session.execute(gone)

    async def totp(self, org: str, account: str) -> str:
        """Return the account's TOTP secret; '' when there is no second factor."""
        async with AsyncSession(self._engine) as session:
            row = await session.get(FactorRow, {"org": org, "account": account})
            return "" if row is None else row.secret

    async def set_totp(self, org: str, account: str, secret: str) -> None:
        """Set the secret; '' removes it."""
        if secret:
            await self._merge(FactorRow(org=org, account=account, secret=secret))
            return
        gone = delete(FactorRow).where(FactorRow.org == org, FactorRow.account == account)
        async with AsyncSession(self._engine) as session, session.begin():
            await session.execute(gone)

    async def _merge(self, row: Base) -> None:
        async with AsyncSession(self._engine) as session, session.begin():
            await session.merge(row)


def _prepare(connection: Connection) -> None:
    # Two programs may start at once: the second waits, then finds the tables.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7266)")
    known = set(inspect(connection).get_table_names())
    wanted = [table for table in Base.metadata.sorted_tables if table.name not in known]
    Base.metadata.create_all(connection, tables=wanted, checkfirst=False)


def _fields(row: Any, kind: type[T]) -> T:
    return msgspec.convert(row, kind, from_attributes=True)
