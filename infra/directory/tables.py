"""The tables. Every row carries its organisation; ids are unique within it.

`version` of a row is its organisation's version when the row was last written: a row that was
removed and made again never has a version that it had before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(128)
FIRST = text("0")


class Base(DeclarativeBase):
    """Base of all tables."""


class Organisation(Base):
    """`version` grows with every change of anything in the organisation; `head_version` is this
    row's own. `audit_number` and `audit_hash` are the end of its audit chain."""

    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    entry_queue: Mapped[str] = mapped_column(ID)
    grace_s: Mapped[float]
    origins: Mapped[list[Any]] = mapped_column(JSON)
    vip_points: Mapped[dict[str, Any]] = mapped_column(JSON)
    head_version: Mapped[int] = mapped_column(BigInteger, server_default=FIRST)
    audit_number: Mapped[int] = mapped_column(BigInteger, server_default=FIRST)
    audit_hash: Mapped[str] = mapped_column(String(64), server_default=text("''"))


def _version() -> Mapped[int]:
    return mapped_column(BigInteger, server_default=FIRST)


class _Owned:
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = _version()


class Account(_Owned, Base):
    """Somebody who signs in and is routed to: human or bot."""

    __tablename__ = "accounts"
    name: Mapped[str]
    kind: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    enabled: Mapped[bool]
    capacity: Mapped[int]
    channels: Mapped[dict[str, Any]] = mapped_column(JSON, server_default=text("'{}'"))
    languages: Mapped[list[Any]] = mapped_column(JSON, server_default=text("'[]'"))


class Role(_Owned, Base):
    """A role of the organisation's own, beside those that are built in."""

    __tablename__ = "roles"
    name: Mapped[str]
    permissions: Mapped[list[Any]] = mapped_column(JSON)
    groups_only: Mapped[bool]


class Group(_Owned, Base):
    """Agents who serve the same queues."""

    __tablename__ = "groups"
    name: Mapped[str]


class Skill(_Owned, Base):
    """What an agent may be able to do."""

    __tablename__ = "skills"
    name: Mapped[str]


def _of(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["org", column], [f"{table}.org", f"{table}.id"], ondelete="CASCADE"
    )


class Membership(Base):
    """An account in a group; part of the account's row for versions and audit."""

    __tablename__ = "memberships"
    __table_args__ = (_of("account", "accounts"), _of("group", "groups"))
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    account: Mapped[str] = mapped_column(ID, primary_key=True)
    group: Mapped[str] = mapped_column(ID, primary_key=True)


class SkillLevel(Base):
    """How well (1-5) an account has a skill; part of the account's row too."""

    __tablename__ = "skill_levels"
    __table_args__ = (_of("account", "accounts"), _of("skill", "skills"))
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    account: Mapped[str] = mapped_column(ID, primary_key=True)
    skill: Mapped[str] = mapped_column(ID, primary_key=True)
    level: Mapped[int]


class Queue(_Owned, Base):
    """A queue; `settings` is the rest of `DeclaredQueue`, validated there."""

    __tablename__ = "queues"
    name: Mapped[str]
    kind: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)


class Hours(_Owned, Base):
    """When queues are open; `settings` is the rest of `DeclaredHours`."""

    __tablename__ = "hours"
    name: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)


class Holidays(_Owned, Base):
    """Days that differ from the week."""

    __tablename__ = "holidays"
    name: Mapped[str]
    days: Mapped[list[Any]] = mapped_column(JSON)


class Disposition(_Owned, Base):
    """A result code of the wrap-up."""

    __tablename__ = "dispositions"
    name: Mapped[str]
    position: Mapped[int]
    enabled: Mapped[bool]
    solved: Mapped[bool | None]


class Barred(_Owned, Base):
    """A blacklist entry."""

    __tablename__ = "blacklist"
    kind: Mapped[str]
    value: Mapped[str]
    scope: Mapped[str]
    starts_at: Mapped[float]
    ends_at: Mapped[float | None]
    reason: Mapped[str]


class Customer(_Owned, Base):
    """A known customer."""

    __tablename__ = "customers"
    name: Mapped[str]
    vip: Mapped[int]
    lang: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)


class Site(Base):
    """A web site whose visitors are the organisation's customers; `key` is public, and unique over
    all organisations."""

    __tablename__ = "sites"
    key: Mapped[str] = mapped_column(ID, primary_key=True)
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), index=True
    )
    secret: Mapped[str]
    origins: Mapped[list[Any]] = mapped_column(JSON)
    name: Mapped[str] = mapped_column(server_default=text("''"))
    look: Mapped[dict[str, Any]] = mapped_column(JSON, server_default=text("'{}'"))
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = _version()


class Reply(_Owned, Base):
    """A canned reply: `owner`'s own, shared with `group`, or with everybody."""

    __tablename__ = "canned_replies"
    title: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    folder: Mapped[str]
    owner: Mapped[str | None] = mapped_column(ID)
    group: Mapped[str | None] = mapped_column(ID)


class Preference(Base):
    """Settings of the organisation, a group or a person: see `declared_rows.SettingsId`."""

    __tablename__ = "settings"
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(140), primary_key=True)
    version: Mapped[int] = _version()
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)


class Ticket(Base):
    """What a customer wanted whom nobody could serve; `id` is the session's. `facts`: the rest of
    `actors.session.tickets.Ticket`."""

    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_at", "org", "at"),)
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    at: Mapped[float]
    queue: Mapped[str] = mapped_column(ID)
    reason: Mapped[str]
    customer: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class AuditEntry(Base):
    """One act. Append-only: the database itself refuses to change or remove one. It outlives its
    organisation, so no key leads there. `before` and `after` are canonical JSON, '' for none."""

    __tablename__ = "audit"
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    role: Mapped[str]
    client: Mapped[str]
    address: Mapped[str]
    action: Mapped[str]
    resource: Mapped[str]
    row: Mapped[str]
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditKey(Base):
    """An act that the audit has already: acts that travel may arrive twice."""

    __tablename__ = "audit_keys"
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Remembered(Base):
    """An answer given under an idempotency key."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_at", "org", "at_s"),)
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    at_s: Mapped[float]
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[str] = mapped_column(Text)
