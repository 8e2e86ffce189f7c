"""The routes of every kind of row: list, create, read, replace, patch, remove."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, create_model

from infra.directory.declared_rows import DeclaredBar
from infra.directory.kinds import KINDS, Kind
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from serve.admin.access import Permission
from serve.admin.endpoints import MERGE_PATCH, Answer, Call, Endpoint
from serve.admin.forms import FORMS, shown, stored_form
from serve.admin.problems import ProblemCode
from serve.admin.reading import check_version, cursor_of, merged, parse_form, read_cursor

BASE = "/v1/admin"
Limit = Annotated[int, Field(ge=1, le=500, description="Most rows on a page.")]
Cursor = Annotated[str, Field(max_length=1000, description="`next` of the page before.")]


def page_query(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    """Return the query form of a list with these filters."""
    filters: dict[str, Any] = {key: (takes | None, None) for key, takes in fields.items()}
    return create_model(
        f"{name}Query",
        __config__=ConfigDict(extra="forbid"),
        limit=(Limit, 100),
        cursor=(Cursor | None, None),
        **filters,
    )


def row_endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints of all kinds."""
    for kind in KINDS:
        yield from RowRoutes(kind).endpoints()


class RowRoutes:
    """The six routes of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._forms = FORMS[kind.name]

    def endpoints(self) -> Iterator[Endpoint]:
        """Yield them."""
        kind, forms, name = self._kind, self._forms, self._kind.name
        many, one = f"/{name}", f"/{name}/{{id}}"
        clashes: tuple[ProblemCode, ...] = ("unknown_reference",)
        if kind.unique_name:
            clashes += ("name_taken",)
        if name == "queues":
            clashes += ("unusable_policy",)
        taken: tuple[ProblemCode, ...] = ("site_key_taken",) if name == "sites" else ()
        guard = name == "accounts"
        last: tuple[ProblemCode, ...] = ("last_administrator",) if guard else ()
        typed = {"id": kind.id_type}
        query = page_query(forms.name, {key: one.takes for key, one in kind.filters.items()})
        yield Endpoint(
            method="GET",
            path=many,
            permission=Permission(name, "read"),
            summary=f"List {name} by id, page by page.",
            reads=self.list,
            query=query,
            answer=forms.page,
        )
        yield Endpoint(
            method="POST",
            path=many,
            permission=Permission(name, "create"),
            summary=f"Add to {name}.",
            writes=self.create,
            body=forms.create,
            has_body=True,
            answer=forms.read,
            status=201,
            etag=True,
            refuses=("exists", *taken, *clashes),
        )
        yield Endpoint(
            method="GET",
            path=one,
            permission=Permission(name, "read"),
            summary=f"Read one of {name}.",
            reads=self.read,
            answer=forms.read,
            etag=True,
            path_types=typed,
        )
        yield Endpoint(
            method="PUT",
            path=one,
            permission=Permission(name, "update"),
            summary=f"Replace one of {name}.",
            writes=self.replace,
            body=forms.write,
            has_body=True,
            answer=forms.read,
            etag=True,
            precondition=True,
            guards_administrator=guard,
            refuses=(*clashes, *last),
            path_types=typed,
        )
        yield Endpoint(
            method="PATCH",
            path=one,
            permission=Permission(name, "update"),
            summary=f"Change some of one of {name} (RFC 7396).",
            writes=self.patch,
            body=forms.write,
            has_body=True,
            takes=MERGE_PATCH,
            answer=forms.read,
            etag=True,
            precondition=True,
            guards_administrator=guard,
            refuses=(*clashes, *last),
            path_types=typed,
        )
        yield Endpoint(
            method="DELETE",
            path=one,
            permission=Permission(name, "delete"),
            summary=f"Remove one of {name}, unless others refer to it.",
            writes=self.delete,
            status=204,
            precondition=True,
            guards_administrator=guard,
            refuses=("in_use", *last),
            path_types=typed,
        )

    async def list(self, call: Call) -> Answer:
        """Return a page."""
        query = call.query
        names = [name for name in self._kind.filters if getattr(query, name) is not None]
        rows = await call.list_rows(
            self._kind,
            after=read_cursor(query.cursor, self._kind.id_type) or "",
            limit=query.limit + 1,
            filters={name: getattr(query, name) for name in names},
        )
        items = [shown(self._kind, row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        last = cursor_of(rows[query.limit - 1].id) if more else None
        return Answer(body=self._forms.page(items=items, next=last))

    async def read(self, call: Call) -> Answer:
        """Return one row."""
        return self._answer(await call.get(self._kind, call.path["id"]))

    async def create(self, call: Call, writer: Writer) -> Answer:
        """Add a row; one without an id gets one."""
        form = call.body
        key = form.id or self._made_id(form)
        row = await writer.create(self._kind, key, self._stored(call, form, None, key))
        return self._answer(row, status=201)

    async def replace(self, call: Call, writer: Writer) -> Answer:
        """Replace a row."""
        old = await self._present(call, writer)
        return self._answer(
            await writer.update(self._kind, old, self._stored(call, call.body, old, old.id))
        )

    async def patch(self, call: Call, writer: Writer) -> Answer:
        """Change the parts of a row that the patch names."""
        old = await self._present(call, writer)
        names = set(self._kind.public.model_fields)
        present = old.value.model_dump(mode="json", include=names)
        form = parse_form(json.dumps(merged(present, call.body)), self._forms.write)
        return self._answer(
            await writer.update(self._kind, old, self._stored(call, form, old, old.id))
        )

    async def delete(self, call: Call, writer: Writer) -> Answer:
        """Remove a row."""
        await writer.delete(self._kind, await self._present(call, writer))
        return Answer(status=204)

    async def _present(self, call: Call, writer: Writer) -> Stored:
        row = await writer.get(self._kind, call.path["id"])
        check_version(call.if_match, row.version)
        return row

    def _stored(self, call: Call, form: BaseModel, old: Stored | None, key: str) -> BaseModel:
        value = stored_form(self._kind, form, old, call.password_hash)
        return value.model_copy(update={"id": key}) if self._kind.part == "blacklist" else value

    def _made_id(self, form: BaseModel) -> str:
        if self._kind.part == "blacklist":
            content = form.model_dump(exclude={"id"})
            return DeclaredBar(**content).key()
        return secrets.token_hex(10)

    def _answer(self, row: Stored, status: int = 200) -> Answer:
        place = f"{BASE}/{self._kind.name}/{quote(row.id, safe='')}" if status == 201 else ""
        return Answer(body=shown(self._kind, row), status=status, etag=row.version, location=place)
