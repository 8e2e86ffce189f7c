"""The routes of a base's categories: the whole tree, and one category of it.

There is one version, the tree's: what is right for a category depends on all the others.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from infra.directory.rows import Stored
from infra.directory.writer import Writer
from infra.knowledge.forms import CategoryForm, Path, TreeForm
from infra.knowledge.trees import find_category, with_category, with_changed, without_category
from serve.admin import knowledge_forms as k
from serve.admin.access import Permission
from serve.admin.endpoints import MERGE_PATCH, Answer, Call, Endpoint
from serve.admin.knowledge_parts import BASES, OF_BASE, ONE, locked, plain, reader
from serve.admin.reading import check_version, merged, parse_form
from serve.admin.row_routes import BASE

TREE, CATEGORY = f"{ONE}/categories", f"{ONE}/categories/{{category}}"
OF_CATEGORY = {**OF_BASE, "category": Path}


async def read_tree(call: Call) -> Answer:
    """Return the category tree."""
    return _tree(await reader(call).tree(call.org, call.path["base"]))


async def replace_tree(call: Call, writer: Writer) -> Answer:
    """Replace the category tree."""
    knowledge, row = await locked(call, writer)
    check_version(call.if_match, row.tree_version)
    return _tree(await knowledge.put_tree(row, plain(TreeForm, call.body)))


async def create_category(call: Call, writer: Writer) -> Answer:
    """Add a category; one without an id gets one."""
    knowledge, row = await locked(call, writer)
    key, given = call.body.id or secrets.token_hex(10), call.body
    new = CategoryForm(id=key, name=given.name, parent=given.parent)
    tree = (await knowledge.tree(row)).value
    made = await knowledge.put_tree(row, with_category(tree, new))
    place = f"{BASE}{BASES}/{quote(row.id, safe='')}/categories/{quote(key, safe='')}"
    return _category(made, key, status=201, location=place)


async def read_category(call: Call) -> Answer:
    """Return a category."""
    found = await reader(call).tree(call.org, call.path["base"])
    return _category(found, call.path["category"])


async def patch_category(call: Call, writer: Writer) -> Answer:
    """Rename or move a category."""
    knowledge, row = await locked(call, writer)
    tree, key = (await knowledge.tree(row)).value, call.path["category"]
    old = find_category(tree, key)
    check_version(call.if_match, row.tree_version)
    whole = merged(old.model_dump(exclude={"id"}), call.body)
    form: Any = parse_form(json.dumps(whole), k.CategoryWrite)
    new = CategoryForm(id=key, name=form.name, parent=form.parent)
    return _category(await knowledge.put_tree(row, with_changed(tree, new)), key)


async def delete_category(call: Call, writer: Writer) -> Answer:
    """Remove a category that nothing is in."""
    knowledge, row = await locked(call, writer)
    tree, key = (await knowledge.tree(row)).value, call.path["category"]
    find_category(tree, key)
    check_version(call.if_match, row.tree_version)
    await knowledge.put_tree(row, without_category(tree, key))
    return Answer(status=204)


def _tree(found: Stored) -> Answer:
    body = k.TreeRead(categories=found.value.categories, version=found.version)
    return Answer(body=body, etag=found.version)


def _category(found: Stored, key: str, *, status: int = 200, location: str = "") -> Answer:
    one = find_category(found.value, key)
    body = k.CategoryRead(id=key, name=one.name, parent=one.parent, version=found.version)
    return Answer(body=body, etag=found.version, status=status, location=location)


def category_endpoints() -> Iterator[Endpoint]:
    """Yield them."""
    yield from _of_the_tree()
    yield from _of_one()


def _of_the_tree() -> Iterator[Endpoint]:
    tree: dict[str, Any] = {"path": TREE, "path_types": OF_BASE, "etag": True}
    yield Endpoint(
        method="GET",
        permission=Permission("knowledge", "read"),
        summary="Read the category tree.",
        reads=read_tree,
        answer=k.TreeRead,
        **tree,
    )
    yield Endpoint(
        method="PUT",
        permission=Permission("knowledge", "update"),
        summary="Replace the category tree; one with topics cannot go.",
        writes=replace_tree,
        body=k.TreeWrite,
        answer=k.TreeRead,
        has_body=True,
        precondition=True,
        refuses=("in_use",),
        **tree,
    )
    yield Endpoint(
        method="POST",
        permission=Permission("knowledge", "create"),
        summary="Add a category to the tree.",
        writes=create_category,
        body=k.CategoryCreate,
        answer=k.CategoryRead,
        has_body=True,
        status=201,
        refuses=("exists", "unknown_reference"),
        **tree,
    )


def _of_one() -> Iterator[Endpoint]:
    one: dict[str, Any] = {"path": CATEGORY, "path_types": OF_CATEGORY}
    yield Endpoint(
        method="GET",
        permission=Permission("knowledge", "read"),
        summary="Read a category; its version is the tree's.",
        reads=read_category,
        answer=k.CategoryRead,
        etag=True,
        **one,
    )
    yield Endpoint(
        method="PATCH",
        permission=Permission("knowledge", "update"),
        summary="Rename a category, or move it with all that is below it (RFC 7396).",
        writes=patch_category,
        body=k.CategoryWrite,
        has_body=True,
        takes=MERGE_PATCH,
        answer=k.CategoryRead,
        etag=True,
        precondition=True,
        refuses=("cycle", "unknown_reference"),
        **one,
    )
    yield Endpoint(
        method="DELETE",
        permission=Permission("knowledge", "delete"),
        summary="Remove a category that has no topics and none below it.",
        writes=delete_category,
        status=204,
        precondition=True,
        refuses=("in_use",),
        **one,
    )
