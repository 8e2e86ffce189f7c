"""How far somebody sees whose role reaches their own groups only: which rows of which kinds.

Accounts, groups, queues, canned replies and settings belong to groups; every other kind is the
whole organisation's and is there for all. Whoever is in no group sees what is of no group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from infra.directory import tables as t
from infra.directory.kinds import Kind


@dataclass(frozen=True)
class Reach:
    """The groups and the account of whoever asks."""

    groups: frozenset[str]
    subject: str


async def within(session: AsyncSession, org: str, kind: Kind, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a row of the kind meets if it is within reach."""
    match kind.part:
        case "groups":
            return t.Group.id.in_(reach.groups)
        case "agents":
            return _accounts(reach, t.Account.org, t.Account.id)
        case "queues":
            return t.Queue.id.in_(await _queues(session, org, reach))
        case "canned_replies":
            mine = _accounts(reach, t.Reply.org, t.Reply.owner)
            shared = t.Reply.owner.is_(None) & t.Reply.group.is_(None)
            return or_(shared, t.Reply.group.in_(reach.groups), t.Reply.owner.is_not(None) & mine)
        case "settings":
            return _settings(org, reach)
        case _:
            return true()


def _accounts(reach: Reach, org: Any, account: Any) -> ColumnElement[bool]:
    """Return whether the account is the caller's own, or shares a group, or both are of none."""
    member = exists().where(t.Membership.org == org, t.Membership.account == account)
    shares = member.where(t.Membership.group.in_(reach.groups)) if reach.groups else ~member
    return or_(account == reach.subject, shares)


async def _queues(session: AsyncSession, org: str, reach: Reach) -> Iterable[str]:
    """Return the queues that everybody or one of the groups serves: there are few queues."""
    rows = await session.execute(select(t.Queue.id, t.Queue.settings).where(t.Queue.org == org))
    found = [(row.id, row.settings.get("groups", [])) for row in rows]
    return [key for key, groups in found if not groups or not reach.groups.isdisjoint(groups)]


def _settings(org: str, reach: Reach) -> ColumnElement[bool]:
    mine = _accounts(reach, t.Account.org, t.Account.id)
    accounts = select(literal("account:") + t.Account.id).where(t.Account.org == org, mine)
    levels = ["organisation", *(f"group:{one}" for one in reach.groups)]
    return or_(t.Preference.id.in_(levels), t.Preference.id.in_(accounts))
