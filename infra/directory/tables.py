"""The tables. Every row carries its organisation; ids are unique within it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(128)


class Base(DeclarativeBase):
    """Base of all tables."""


class Organisation(Base):
    """`version` grows with every change of anything in the organisation."""

    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    entry_queue: Mapped[str] = mapped_column(ID)
    grace_s: Mapped[float]
    origins: Mapped[list[Any]] = mapped_column(JSON)
    dispositions: Mapped[list[Any]] = mapped_column(JSON)
    vip_points: Mapped[dict[str, Any]] = mapped_column(JSON)


class _Owned:
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True
    )


class Account(_Owned, Base):
    """Somebody who signs in and is routed to: human or bot."""

    __tablename__ = "accounts"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    enabled: Mapped[bool]
    capacity: Mapped[int]


class Group(_Owned, Base):
    """Agents who serve the same queues."""

    __tablename__ = "groups"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]


class Skill(_Owned, Base):
    """What an agent may be able to do."""

    __tablename__ = "skills"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]


def _of(column: str, table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["org", column], [f"{table}.org", f"{table}.id"], ondelete="CASCADE"
    )


class Membership(Base):
    """An account in a group."""

    __tablename__ = "memberships"
    __table_args__ = (_of("account", "accounts"), _of("group", "groups"))
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    account: Mapped[str] = mapped_column(ID, primary_key=True)
    group: Mapped[str] = mapped_column(ID, primary_key=True)


class SkillLevel(Base):
    """How well (1-5) an account has a skill."""

    __tablename__ = "skill_levels"
    __table_args__ = (_of("account", "accounts"), _of("skill", "skills"))
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    account: Mapped[str] = mapped_column(ID, primary_key=True)
    skill: Mapped[str] = mapped_column(ID, primary_key=True)
    level: Mapped[int]


class Queue(_Owned, Base):
    """A queue; `settings` is the rest of `QueueFile`, validated there."""

    __tablename__ = "queues"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)


class Barred(Base):
    """A blacklist entry."""

    __tablename__ = "blacklist"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str]
    value: Mapped[str]
    scope: Mapped[str]
    starts_at: Mapped[float]
    ends_at: Mapped[float | None]
    reason: Mapped[str]


class Customer(_Owned, Base):
    """A known customer."""

    __tablename__ = "customers"
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    vip: Mapped[int]
    lang: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)


class Site(Base):
    """A web site whose visitors are the organisation's customers; `key` is public."""

    __tablename__ = "sites"
    key: Mapped[str] = mapped_column(ID, primary_key=True)
    org: Mapped[str] = mapped_column(
        ID, ForeignKey("organisations.id", ondelete="CASCADE"), index=True
    )
    secret: Mapped[str]
    origins: Mapped[list[Any]] = mapped_column(JSON)
