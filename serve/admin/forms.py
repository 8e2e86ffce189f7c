"""What the administration API takes and gives: made from the directory's declared forms, so that
there is one truth about what a row may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from infra.directory.declared import Head
from infra.directory.declared_rows import Id, PublicAgent, PublicSite, Row
from infra.directory.kinds import KINDS, Kind
from infra.directory.rows import Stored

Version = Annotated[int, Field(ge=0, description="As in the ETag header.")]

_NAMES = {
    "holidays": "HolidayCalendar",
    "hours": "Hours",
    "groups": "Group",
    "skills": "Skill",
    "dispositions": "Disposition",
    "queues": "Queue",
    "roles": "Role",
    "accounts": "Account",
    "blacklist": "BlacklistEntry",
    "customers": "Customer",
    "sites": "Site",
    "canned-replies": "CannedReply",
    "settings": "Settings",
}


_WRITE_ONLY: Any = {"writeOnly": True}
_UNSEEN = r"^[^\x00]*$"
Password = Annotated[
    str,
    Field(min_length=8, max_length=200, pattern=_UNSEEN, json_schema_extra=_WRITE_ONLY),
]
SiteSecret = Annotated[
    str,
    Field(min_length=32, max_length=200, pattern=_UNSEEN, json_schema_extra=_WRITE_ONLY),
]


class AccountWrite(PublicAgent):
    """An account to write. Without `password` the present one stays."""

    password: Password | None = Field(default=None, repr=False)


class AccountRead(PublicAgent):
    """An account as it is read: its password never is."""

    has_password: bool


class SiteWrite(PublicSite):
    """A site to write. Without `secret` the present one stays."""

    secret: SiteSecret | None = Field(default=None, repr=False)


class SiteRead(PublicSite):
    """A site as it is read: its secret never is."""

    has_secret: bool


class OrganisationRead(Head):
    """The organisation's own settings."""

    id: Id
    version: Version


class Member(Row):
    """An account in a group."""

    id: Id
    name: str


class Members(Row):
    """A page of a group's members."""

    items: list[Member]
    next: str | None


class SkillLevelWrite(Row):
    """How well an account has a skill."""

    level: Annotated[int, Field(ge=1, le=5)]


class Done(Row):
    """What an import did, or would do."""

    created: int
    updated: int
    deleted: int
    version: Version


class AuditRead(Row):
    """One act. `at` is seconds since 1970; `before` and `after` are the row without secrets."""

    number: int
    at: float
    actor: str
    role: str
    client: str
    address: str
    action: str
    resource: str
    row: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous: str
    hash: str


class AuditPage(Row):
    """A page of the audit, newest first."""

    items: list[AuditRead]
    next: str | None


class Verification(Row):
    """Whether the audit chain is whole; else where it is broken and how."""

    whole: bool
    entries: int
    last_hash: str = ""
    broken_at: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Forms:
    """The forms of one kind: to write, to create, to read, and a page of them."""

    name: str
    write: type[BaseModel]
    create: type[BaseModel]
    read: type[BaseModel]
    page: type[BaseModel]


def _forms(kind: Kind) -> Forms:
    name = _NAMES[kind.name]
    bases: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
        "accounts": (AccountWrite, AccountRead),
        "sites": (SiteWrite, SiteRead),
    }
    write_base, read_base = bases.get(kind.name, (kind.public, kind.public))
    made_id: Any = (kind.id_type | None, None) if kind.may_make_id else (kind.id_type, ...)
    write = create_model(f"{name}Write", __base__=write_base, __doc__=f"A row of {kind.name}.")
    create = create_model(f"{name}Create", __base__=write_base, id=made_id)
    read = create_model(
        f"{name}Read", __base__=read_base, id=(kind.id_type, ...), version=(Version, ...)
    )
    page = create_model(
        f"{name}Page",
        __config__=ConfigDict(extra="forbid"),
        items=(list[read], ...),  # type: ignore[valid-type]  # a model made at run time
        next=(str | None, ...),
    )
    return Forms(name, write, create, read, page)


FORMS = {kind.name: _forms(kind) for kind in KINDS}


def shown(kind: Kind, row: Stored) -> BaseModel:
    """Return a row as it is read."""
    content = {name: getattr(row.value, name) for name in kind.public.model_fields}
    if kind.name == "accounts":
        content["has_password"] = bool(row.value.password_hash)
    if kind.name == "sites":
        content["has_secret"] = bool(row.value.secret)
    return FORMS[kind.name].read(**content, id=row.id, version=row.version)


def shown_head(row: Stored) -> OrganisationRead:
    """Return the organisation's own settings as they are read."""
    return OrganisationRead(**row.value.model_dump(), id=row.id, version=row.version)


def stored_form(kind: Kind, form: BaseModel, old: Stored | None, password_hash: str) -> BaseModel:
    """Return the declared form of what was written; secrets that were not given stay."""
    content = {name: getattr(form, name) for name in kind.public.model_fields}
    present = {name: getattr(old.value, name) if old else "" for name in kind.secrets}
    if kind.name == "accounts" and password_hash:
        present["password_hash"] = password_hash
    if kind.name == "sites" and getattr(form, "secret", None):
        present["secret"] = form.secret  # type: ignore[attr-defined]  # of SiteWrite
    return kind.declared(**content, **present)
