"""The routes that span organisations: a super administrator lists and makes them, and sees nothing
that is inside of any but their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from infra.directory import declared_rows as d
from infra.directory.declared import Declared, DeclaredAgent, DeclaredQueue
from infra.directory.founding import found
from infra.directory.writer import Writer
from serve.admin.access import Permission
from serve.admin.endpoints import Answer, Call, Endpoint
from serve.admin.forms import Password
from serve.admin.reading import cursor_of, read_cursor
from serve.admin.row_routes import page_query

RESOURCE = "organisations"


class OrganisationName(d.Row):
    """An organisation, as others may know it."""

    id: d.Id
    name: str


class OrganisationNames(d.Row):
    """A page of them."""

    items: list[OrganisationName]
    next: str | None


class OrganisationCreate(d.Row):
    """A new organisation: one queue that every agent serves, and who administers it."""

    id: d.Id
    name: d.Name
    queue: d.Id = "main"
    administrator: d.Id
    password: Annotated[Password, Field(repr=False)]


async def list_organisations(call: Call) -> Answer:
    """Return a page of all organisations, by id."""
    query = call.query
    after = read_cursor(query.cursor, d.Id) or ""
    names = await call.directory.names(after=after, limit=query.limit + 1)
    items = [OrganisationName(id=key, name=name) for key, name in names[: query.limit]]
    last = cursor_of(items[-1].id) if len(names) > query.limit else None
    return Answer(body=OrganisationNames(items=items, next=last))


async def create_organisation(call: Call, writer: Writer) -> Answer:
    """Make an organisation with its first administrator."""
    form: OrganisationCreate = call.body
    admin = DeclaredAgent(name=form.administrator, role="admin", password_hash=call.password_hash)
    declared = Declared(
        org=form.id,
        name=form.name,
        entry_queue=form.queue,
        queues={form.queue: DeclaredQueue(name=form.queue)},
        agents={form.administrator: admin},
    )
    await found(writer, declared)
    return Answer(body=OrganisationName(id=form.id, name=form.name), status=201)


def organisations_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    yield Endpoint(
        method="GET",
        path="/organisations",
        permission=Permission(RESOURCE, "read"),
        summary="List all organisations: their ids and names.",
        reads=list_organisations,
        query=page_query("Organisations", {}),
        answer=OrganisationNames,
    )
    yield Endpoint(
        method="POST",
        path="/organisations",
        permission=Permission(RESOURCE, "create"),
        summary="Make an organisation with its first administrator.",
        writes=create_organisation,
        body=OrganisationCreate,
        has_body=True,
        answer=OrganisationName,
        status=201,
        refuses=("exists", "overloaded"),
    )
