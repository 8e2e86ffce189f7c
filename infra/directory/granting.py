"""Nobody can grant what they do not hold: read before every write of an account or a role.

Asked are the rows of the transaction itself, never the settings in memory: two changes that follow
each other cannot grant together what neither could.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from actors.permissions import BUILT_IN
from infra.directory.audit import By
from infra.directory.kinds import BY_PART, Kind
from infra.directory.refusals import RefusedError
from infra.directory.rows import Stored, get_row

SYSTEM = "system"
"""The role of whoever works on the machine itself: holds everything."""
_PROVES = ("role", "enabled", "password_hash")
"""What of an account decides who may act with its role."""


class Grants:
    """What one writer may give and take, looked up before its first such change."""

    def __init__(self, session: AsyncSession, org: str, by: By) -> None:
        self._session = session
        self._org = org
        self._by = by
        self._mine: frozenset[str] | None = None

    async def check(self, kind: Kind, old: Stored | None, value: Any) -> None:
        """Refuse a change that would give, take over or take away more than the writer holds.

        Raises:
            RefusedError: `not_held`.
        """
        if self._by.role == SYSTEM or kind.part not in ("agents", "roles"):
            return
        if self._mine is None:
            self._mine = await self._held_by(self._by.role)
        before = None if old is None else old.value
        if kind.part == "agents" and _same(before, value):
            return
        for one in (before, value):
            missing = (await self._of(kind, one)) - self._mine
            if missing:
                told = f"{kind.name}: you do not hold {min(missing)} yourself"
                raise RefusedError("not_held", told)

    async def _of(self, kind: Kind, row: Any) -> frozenset[str]:
        if row is None:
            return frozenset()
        if kind.part == "roles":
            return frozenset(row.permissions)
        return await self._held_by(row.role)

    async def _held_by(self, role: str) -> frozenset[str]:
        if role in BUILT_IN:
            return frozenset(BUILT_IN[role].permissions)
        found = await get_row(self._session, self._org, BY_PART["roles"], role)
        return frozenset(() if found is None else found.value.permissions)


def _same(before: Any, value: Any) -> bool:
    if before is None or value is None:
        return False
    return all(getattr(before, name) == getattr(value, name) for name in _PROVES)
