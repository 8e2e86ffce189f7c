"""Changes rows of one organisation inside one transaction, with every rule that they obey."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from actors.permissions import ADMINISTRATORS
from actors.policy_settings import check_policy
from infra.directory import audit
from infra.directory import tables as t
from infra.directory.declared import Declared, Head, unknown
from infra.directory.granting import Grants
from infra.directory.kinds import BY_PART, KINDS, Kind
from infra.directory.references import references
from infra.directory.refusals import RefusedError, no_row
from infra.directory.rows import (
    Stored,
    drop_row,
    get_row,
    head_of,
    list_rows,
    put_row,
    write_head,
)

REMEMBERED_S = 24 * 3600.0
"""How long an idempotency key is remembered."""
_HEAD = "organisation"
_REFERRING = ("hours", "queues", "agents", "canned_replies", "settings")


class Writer:
    """One transaction on one organisation, whose row is locked: nobody else changes anything of it
    until the end, so what is checked stays true. Every change is audited; `version` is the
    organisation's, and its rows', if anything changes (`changed`)."""

    def __init__(
        self, session: AsyncSession, row: t.Organisation, by: audit.By, now: float
    ) -> None:
        self._session = session
        self._row = row
        self._by = by
        self._now = now
        self.org = row.id
        self.before = row.version
        self.version = max(row.version + 1, int(now * 1000))
        self.changed = False
        self.audited_n = 0
        self.audited_hash = ""
        self.founded: list[Writer] = []
        """Of organisations that were made in this transaction."""
        self._grants = Grants(session, row.id, by)

    @property
    def session(self) -> AsyncSession:
        """The transaction itself, for tables that are not the directory's own."""
        return self._session

    @property
    def by(self) -> audit.By:
        """Who changes."""
        return self._by

    @property
    def now(self) -> float:
        """When the transaction began, in seconds since 1970."""
        return self._now

    async def get(self, kind: Kind, key: str) -> Stored:
        """Return a row.

        Raises:
            RefusedError: `not_found`.
        """
        found = await get_row(self._session, self.org, kind, key)
        if found is None:
            raise no_row(kind.name, key)
        return found

    async def find(self, kind: Kind, filters: Mapping[str, Any]) -> list[Stored]:
        """Return all rows that fit."""
        return await list_rows(self._session, self.org, kind, filters=filters)

    def head(self) -> Stored:
        """Return the organisation's own settings."""
        return head_of(self._row)

    async def create(self, kind: Kind, key: str, value: BaseModel) -> Stored:
        """Add a row.

        Raises:
            RefusedError: `exists`, `name_taken`, `site_key_taken` or `unknown_reference`.
        """
        if await get_row(self._session, self.org, kind, key) is not None:
            raise RefusedError("exists", f"{kind.name}: there is {key!r} already")
        await self._check(kind, key, value)
        return await self.write(kind, key, None, value)

    async def update(self, kind: Kind, old: Stored, value: BaseModel) -> Stored:
        """Replace a row that `get` returned.

        Raises:
            RefusedError: `name_taken` or `unknown_reference`.
        """
        await self._check(kind, old.id, value)
        return await self.write(kind, old.id, old, value)

    async def put(self, kind: Kind, key: str, value: BaseModel) -> Stored:
        """Add or replace a row, whatever its name.

        Raises:
            RefusedError: `site_key_taken` or `unknown_reference`.
        """
        old = await get_row(self._session, self.org, kind, key)
        await self._check_references(kind.part, key, value)
        return await self.write(kind, key, old, value)

    async def delete(self, kind: Kind, old: Stored) -> None:
        """Remove a row, and the rows that are its own.

        Raises:
            RefusedError: `in_use`: others refer to it.
        """
        users, owned = await self._users(kind.part, old.id)
        if users:
            raise RefusedError("in_use", f"{kind.name} {old.id}: used by {', '.join(users[:5])}")
        for part, row in owned:
            await self.write(BY_PART[part], row.id, row, None)
        await self.write(kind, old.id, old, None)

    async def set_head(self, head: Head) -> Stored:
        """Replace the organisation's own settings.

        Raises:
            RefusedError: `unknown_reference`.
        """
        await self._check_references("", "", head)
        return self.write_head(head)

    def write_head(self, head: Head) -> Stored:
        """Write them unchecked."""
        old = self.head()
        if old.value == head and old.version:
            return old
        write_head(self._row, head, self.version)
        new = self.head()
        first = old.version == 0 and self.before == 0
        self._record("create" if first else "update", _HEAD, self.org, old, new, hide_old=first)
        return new

    async def write(self, kind: Kind, key: str, old: Stored | None, value: Any) -> Stored:
        """Write or (None) remove a row, unchecked but for the key of a site, a queue's policy, and
        what it grants. The same value again changes nothing.

        Raises:
            RefusedError: `site_key_taken`, `unusable_policy` or `not_held`.
        """
        if old is not None and old.value == value:
            return old
        if kind.part == "sites" and old is None:
            await self._check_site(key)
        if kind.part == "queues" and value is not None:
            _check_policy(key, old, value)
        await self._grants.check(kind, old, value)
        new = Stored(key, value, self.version)
        if value is None:
            await drop_row(self._session, self.org, kind, key)
        else:
            await put_row(self._session, self.org, kind, new, there=old is not None)
        action = "create" if old is None else "delete" if value is None else "update"
        self._record(action, kind.name, key, old, new)
        return new

    async def replace(self, declared: Declared, *, keep_secrets: bool = False) -> dict[str, int]:
        """Make the organisation as declared: rows that differ are written, others left alone.

        Args:
            keep_secrets: an empty secret means the present one.

        Returns:
            action -> how many rows.
        """
        done = {"created": 0, "updated": 0, "deleted": 0}
        present: dict[str, dict[str, Stored]] = {}
        for kind in KINDS:
            rows = await list_rows(self._session, self.org, kind)
            present[kind.part] = {row.id: row for row in rows}
        self.write_head(declared.head())
        wanted = {kind.part: _wanted(declared, kind) for kind in KINDS}
        for kind in KINDS:
            for key, value in wanted[kind.part].items():
                old = present[kind.part].get(key)
                new = _with_secrets(kind, old, value) if keep_secrets else value
                if old is None or old.value != new:
                    done["created" if old is None else "updated"] += 1
                    await self.write(kind, key, old, new)
        for kind in reversed(KINDS):
            for key, old in present[kind.part].items():
                if key not in wanted[kind.part]:
                    done["deleted"] += 1
                    await self.write(kind, key, old, None)
        return done

    async def check_administrator(self) -> None:
        """Refuse to leave the organisation without anybody who may administer it.

        Raises:
            RefusedError: `last_administrator`.
        """
        found = await self._session.scalar(
            select(t.Account.id).where(
                t.Account.org == self.org,
                t.Account.role.in_(ADMINISTRATORS),
                t.Account.kind == "human",
                t.Account.enabled,
            )
        )
        if found is None:
            raise RefusedError("last_administrator", "Somebody must stay an administrator.")

    def act(self, act: audit.Act, at: float | None = None) -> None:
        """Record an act that changes no row: an import, a take-over. `at`: when, if not now."""
        when = int((self._now if at is None else at) * 1e6)
        audit.append(self._session, self._row, self._by, act, when)
        self.audited_n, self.audited_hash = self._row.audit_number, self._row.audit_hash

    async def act_once(self, act: audit.Act, key: str, at: float) -> bool:
        """Record an act that may arrive twice; False: it has been recorded under this key."""
        if await self._session.get(t.AuditKey, {"org": self.org, "key": key}) is not None:
            return False
        self.act(act, at)
        self._session.add(t.AuditKey(org=self.org, key=key, number=self.audited_n))
        return True

    async def remembered(self, key: str, fingerprint: str) -> dict[str, Any] | None:
        """Return the answer that this idempotency key got before.

        Raises:
            RefusedError: `idempotency_key_reused`, for another request.
        """
        gone = t.Remembered.at_s < self._now - REMEMBERED_S
        await self._session.execute(delete(t.Remembered).where(t.Remembered.org == self.org, gone))
        names = {"org": self.org, "subject": self._by.subject, "key": key}
        found = await self._session.get(t.Remembered, names)
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise RefusedError("idempotency_key_reused", "This key was used for another request.")
        answer: dict[str, Any] = json.loads(found.answer)
        return answer

    def remember(self, key: str, fingerprint: str, answer: dict[str, Any]) -> None:
        """Keep the answer for the same request again."""
        text = json.dumps(answer)
        self._session.add(
            t.Remembered(
                org=self.org,
                subject=self._by.subject,
                key=key,
                at_s=self._now,
                fingerprint=fingerprint,
                answer=text,
            )
        )

    def finish(self) -> None:
        """Set the organisation's new version, if anything changed."""
        if self.changed:
            self._row.version = self.version

    async def _check(self, kind: Kind, key: str, value: Any) -> None:
        await self._check_references(kind.part, key, value)
        if kind.unique_name:
            same = select(kind.id_column).where(
                kind.table.org == self.org, kind.table.name == value.name, kind.id_column != key
            )
            other = await self._session.scalar(same.limit(1))
            if other is not None:
                raise RefusedError("name_taken", f"{kind.name}: {other!r} has this name already")

    async def _check_site(self, key: str) -> None:
        if await self._session.get(t.Site, key) is not None:
            raise RefusedError("site_key_taken", f"sites: the key {key!r} is taken")

    async def _check_references(self, part: str, key: str, value: Any) -> None:
        for ref in references(key, value):
            kind = BY_PART[ref.part]
            if part == ref.part and key == ref.id:
                continue
            if await get_row(self._session, self.org, kind, ref.id) is None:
                known = await list_rows(self._session, self.org, kind, limit=100)
                path = f"{part}.{key}.{ref.path}" if part else ref.path
                told = unknown(path, [row.id for row in known], ref.id)
                raise RefusedError("unknown_reference", told)

    async def _users(self, part: str, key: str) -> tuple[list[str], list[tuple[str, Stored]]]:
        """Return who refers to a row, and what goes with it."""
        users, owned = [], []
        if part == "queues" and self._row.entry_queue == key:
            users.append("organisation.entry_queue")
        for referring in _REFERRING:
            for row in await list_rows(self._session, self.org, BY_PART[referring]):
                found = [r for r in references(row.id, row.value) if (r.part, r.id) == (part, key)]
                users += [f"{referring}.{row.id}.{r.path}" for r in found if not r.owned]
                owned += [(referring, row) for r in found if r.owned]
        return [user for user in users if not user.startswith(f"{part}.{key}.")], owned

    def _record(
        self,
        action: str,
        resource: str,
        key: str,
        old: Stored | None,
        new: Stored,
        *,
        hide_old: bool = False,
    ) -> None:
        self.changed = True
        past = None if old is None or hide_old else old.value
        before, after = audit.shown(resource, past, new.value)
        self.act(audit.Act(action=action, resource=resource, row=key, before=before, after=after))


def _check_policy(key: str, old: Stored | None, new: Any) -> None:
    """A queue whose policy stays as it was may be written, whatever became of the policy."""
    asked = (new.policy, new.policy_params)
    if old is not None and asked == (old.value.policy, old.value.policy_params):
        return
    try:
        check_policy(*asked)
    except ValueError as error:
        raise RefusedError("unusable_policy", f"queues.{key}.{error}") from None


def _wanted(declared: Declared, kind: Kind) -> dict[str, Any]:
    rows = getattr(declared, kind.part)
    if isinstance(rows, list):
        return {one.key(): one.model_copy(update={"id": one.key()}) for one in rows}
    return dict(rows)


def _with_secrets(kind: Kind, old: Stored | None, value: Any) -> Any:
    if old is None:
        return value
    missing = [name for name in kind.secrets if not getattr(value, name)]
    return value.model_copy(update={name: getattr(old.value, name) for name in missing})
