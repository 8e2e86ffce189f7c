"""What a route of the administration API is: everything that the server checks and the OpenAPI
document says, in one value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from actors.config import OrgConfig
from actors.permissions import Rights
from infra.directory.audit import By
from infra.directory.kinds import Kind
from infra.directory.reach import Reach
from infra.directory.refusals import no_row
from infra.directory.rows import Stored
from infra.directory.store import Directory
from infra.directory.writer import Writer
from serve.admin.access import Permission
from serve.admin.problems import ProblemCode
from serve.doors import Acts
from serve.identity import Identity
from serve.knowledge.workshop import Workshop
from serve.oauth.ending import Ending

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
YAML = "application/yaml"
CALENDAR = "text/calendar"
BINARY = "application/octet-stream"
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class NoQuery(BaseModel):
    """The query of routes that take none."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, checked: who, where, what."""

    request: Request
    directory: Directory
    who: Identity
    rights: Rights
    by: By
    config: OrgConfig | None = None
    acts: Acts | None = None
    ending: Ending | None = None
    path: Mapping[str, str]
    query: Any
    body: Any = None
    """The form of a JSON body; the patch of a merge patch; the bytes of a binary one; the text of
    any other."""
    password_hash: str = ""
    if_match: str = ""
    workshop: Workshop = field(default_factory=Workshop)
    """Does what would keep chats waiting."""

    @property
    def org(self) -> str:
        """Return the organisation: the caller's, always."""
        return self.who.org

    @property
    def reach(self) -> Reach | None:
        """Return whose rows the caller may see; None: everybody's."""
        groups = self.rights.groups
        return None if groups is None else Reach(groups, self.who.subject)

    async def get(self, kind: Kind, key: str) -> Stored:
        """Return a row that the caller may see.

        Raises:
            RefusedError: `not_found`: it is not there, or another group's.
        """
        row = await self.directory.get(self.org, kind, key, reach=self.reach)
        if row is None:
            raise no_row(kind.name, key)
        return row

    async def list_rows(self, kind: Kind, **which: Any) -> list[Stored]:
        """Return rows that the caller may see: see `Directory.list_rows`."""
        return await self.directory.list_rows(self.org, kind, reach=self.reach, **which)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a route answers: a form, a text, bytes, or nothing (204)."""

    body: BaseModel | str | bytes | None = None
    status: int = 200
    etag: int | None = None
    location: str = ""
    media: str = JSON


class DryRunError(Exception):
    """Ends a transaction that was only to be tried."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("tried")
        self.answer = answer


Reading = Callable[[Call], Awaitable[Answer]]
Writing = Callable[[Call, Writer], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One method of one path. `reads` or `writes` serves it: a writer runs inside one transaction,
    with its precondition and its idempotency key looked after."""

    method: Method
    path: str
    permission: Permission
    summary: str
    reads: Reading | None = None
    writes: Writing | None = None
    prepares: Callable[[Call], Awaitable[Any]] | None = None
    """Makes the call's body of what came, before the transaction: it may take its time."""
    heavy: bool = False
    """Asks the workshop."""
    query: type[BaseModel] = NoQuery
    body: type[BaseModel] | None = None
    takes: str = JSON
    """The body's media type, if it has one."""
    has_body: bool = False
    answer: type[BaseModel] | None = None
    gives: str = JSON
    status: int = 200
    etag: bool = False
    """Answers have an ETag."""
    precondition: bool = False
    """Must have If-Match."""
    guards_administrator: bool = False
    """Refused if nobody would be left who may administer."""
    refuses: tuple[ProblemCode, ...] = ()
    """Codes beyond those of every route."""
    path_types: Mapping[str, Any] = field(default_factory=dict)
    """Name in the path -> what it may be; what it cannot be does not exist."""
