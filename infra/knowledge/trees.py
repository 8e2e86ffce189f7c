"""Changes of one category, each a new whole tree: so a tree is always one, whoever changed what."""

from __future__ import annotations

from infra.directory.declared import DeclarationError
from infra.directory.refusals import RefusedError, no_row
from infra.knowledge.forms import CATEGORIES_N, CategoryForm, TreeForm


def find_category(tree: TreeForm, key: str) -> CategoryForm:
    """Return a category.

    Raises:
        RefusedError: `not_found`.
    """
    for one in tree.categories:
        if one.id == key:
            return one
    raise no_row("categories", key)


def with_category(tree: TreeForm, new: CategoryForm) -> TreeForm:
    """Return the tree with one category more, the last below its parent.

    Raises:
        RefusedError: `exists`, or `unknown_reference`: the parent.
        DeclarationError: there are too many.
    """
    if any(one.id == new.id for one in tree.categories):
        raise RefusedError("exists", f"categories: there is {new.id!r} already")
    if len(tree.categories) >= CATEGORIES_N:
        raise DeclarationError(f"a base has at most {CATEGORIES_N} categories")
    _check_parent(tree, new)
    return TreeForm(categories=[*tree.categories, new])


def with_changed(tree: TreeForm, new: CategoryForm) -> TreeForm:
    """Return the tree with a category renamed or moved, with all that is below it.

    Raises:
        RefusedError: `not_found`; `unknown_reference`: the parent; `cycle`: it would be below
            itself.
    """
    old = find_category(tree, new.id)
    _check_parent(tree, new)
    parents = {one.id: one.parent for one in tree.categories}
    above = new.parent
    while above:
        if above == new.id:
            raise RefusedError("cycle", f"categories: {new.parent!r} is {new.id!r} or below it")
        above = parents[above]
    return TreeForm(categories=[new if one is old else one for one in tree.categories])


def without_category(tree: TreeForm, key: str) -> TreeForm:
    """Return the tree without a category. Whether topics are in it, whoever stores it sees.

    Raises:
        RefusedError: `not_found`; `in_use`: others are below it.
    """
    old = find_category(tree, key)
    below = [one.id for one in tree.categories if one.parent == key]
    if below:
        raise RefusedError("in_use", f"categories: {', '.join(below[:5])} below {key!r}")
    return TreeForm(categories=[one for one in tree.categories if one is not old])


def _check_parent(tree: TreeForm, new: CategoryForm) -> None:
    if new.parent and all(one.id != new.parent for one in tree.categories):
        raise RefusedError("unknown_reference", f"categories: there is no parent {new.parent!r}")
