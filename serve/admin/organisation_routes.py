"""The routes of the organisation itself: its own settings, and the whole of it as one file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from infra.directory import audit
from infra.directory.declared import Declared, Head, parse_yaml, to_yaml
from infra.directory.refusals import no_organisation
from infra.directory.rows import Stored
from infra.directory.writer import Writer
from serve.admin import forms as f
from serve.admin.access import Permission
from serve.admin.endpoints import MERGE_PATCH, YAML, Answer, Call, DryRunError, Endpoint
from serve.admin.problems import Mistake, ProblemError
from serve.admin.reading import check_version, merged, parse_form


class ImportQuery(BaseModel):
    """`dry_run`: say what would be done, and do nothing."""

    model_config = ConfigDict(extra="forbid")
    dry_run: bool = False


async def read_organisation(call: Call) -> Answer:
    """Return the organisation's own settings."""
    row = await call.directory.head(call.org)
    if row is None:
        raise no_organisation(call.org)
    return _organisation(row)


async def replace_organisation(call: Call, writer: Writer) -> Answer:
    """Replace them."""
    check_version(call.if_match, writer.head().version)
    return _organisation(await writer.set_head(call.body))


async def patch_organisation(call: Call, writer: Writer) -> Answer:
    """Change those that the patch names."""
    old = writer.head()
    check_version(call.if_match, old.version)
    whole = merged(old.value.model_dump(mode="json"), call.body)
    form = parse_form(json.dumps(whole), Head)
    return _organisation(await writer.set_head(Head(**form.model_dump())))


def _organisation(row: Stored) -> Answer:
    return Answer(body=f.shown_head(row), etag=row.version)


async def export_file(call: Call) -> Answer:
    """Return the whole organisation as one YAML file, without secrets."""
    found = await call.directory.read_versioned(call.org)
    if found is None:
        raise no_organisation(call.org)
    version, declared = found
    text = await asyncio.to_thread(to_yaml, declared, secrets=False)
    return Answer(body=text, media=YAML, etag=version)


async def import_file(call: Call, writer: Writer) -> Answer:
    """Make the organisation as the file says; secrets that it leaves out stay."""
    check_version(call.if_match, writer.before)
    declared = await asyncio.to_thread(parse_yaml, call.body, "the file")
    _check_file(declared, call.org)
    done = await writer.replace(declared, keep_secrets=True)
    await writer.check_administrator()
    version = writer.version if writer.changed else writer.before
    answer = Answer(body=f.Done(**done, version=version), etag=version)
    if call.query.dry_run:
        raise DryRunError(answer)
    writer.act(audit.Act(action="import", resource="organisation", row=call.org, after=done))
    return answer


def _check_file(declared: Declared, org: str) -> None:
    mistakes = []
    if declared.org != org:
        mistakes.append(Mistake(at="org", detail="the organisation that you are in"))
    mistakes += [
        # A name of the environment would let whoever imports guess what stands there.
        Mistake(at=f"agents.{key}.password_env", detail="not over this door: set a password")
        for key, one in declared.agents.items()
        if one.password_env
    ]
    if mistakes:
        raise ProblemError("invalid", "The file is wrong.", errors=mistakes)


def organisation_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    update = Permission("organisation", "update")
    head: dict[str, Any] = {"answer": f.OrganisationRead, "etag": True}
    change: dict[str, Any] = {
        "permission": update,
        "body": Head,
        "has_body": True,
        "precondition": True,
        "refuses": ("unknown_reference",),
        **head,
    }
    yield Endpoint(
        method="GET",
        path="/organisation",
        permission=Permission("organisation", "read"),
        summary="Read the organisation's own settings: routing and limits that are no queue's.",
        reads=read_organisation,
        **head,
    )
    yield Endpoint(
        method="PUT",
        path="/organisation",
        summary="Replace the organisation's own settings.",
        writes=replace_organisation,
        **change,
    )
    yield Endpoint(
        method="PATCH",
        path="/organisation",
        summary="Change some of the organisation's own settings (RFC 7396).",
        writes=patch_organisation,
        takes=MERGE_PATCH,
        **change,
    )
    yield Endpoint(
        method="GET",
        path="/organisation/file",
        permission=Permission("organisation", "export"),
        summary="Export the whole organisation as one YAML file, without secrets.",
        reads=export_file,
        answer=Declared,
        gives=YAML,
        etag=True,
    )
    yield Endpoint(
        method="PUT",
        path="/organisation/file",
        permission=Permission("organisation", "import"),
        summary="Make the organisation as a YAML file says; secrets that it leaves out stay.",
        writes=import_file,
        query=ImportQuery,
        body=Declared,
        has_body=True,
        takes=YAML,
        answer=f.Done,
        etag=True,
        precondition=True,
        refuses=("site_key_taken", "unusable_policy", "last_administrator"),
    )
