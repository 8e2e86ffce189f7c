"""Changes of one category: the tree stays a tree, and nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.directory.declared import DeclarationError
from infra.directory.refusals import RefusedError
from infra.knowledge.forms import CATEGORIES_N, CategoryForm, TreeForm
from infra.knowledge.trees import find_category, with_category, with_changed, without_category


def category(key: str, parent: str = "") -> CategoryForm:
    return CategoryForm(id=key, name=key.upper(), parent=parent)


IDS = st.sampled_from("abcdef")
CHANGES = st.tuples(st.sampled_from(["add", "change", "remove"]), IDS, st.one_of(st.just(""), IDS))


def change(tree: TreeForm, kind: str, key: str, parent: str) -> TreeForm:
    match kind:
        case "add":
            return with_category(tree, category(key, parent))
        case "change":
            return with_changed(tree, category(key, parent))
        case _:
            return without_category(tree, key)


@given(st.lists(CHANGES, max_size=30))
def test_whatever_is_changed_in_whatever_order_it_stays_a_tree(
    changes: list[tuple[str, str, str]],
) -> None:
    tree = TreeForm()
    for kind, key, parent in changes:
        try:
            changed = change(tree, kind, key, parent)  # the form itself refuses what is no tree
        except RefusedError:
            continue
        before = {one.id: one for one in tree.categories}
        after = {one.id: one for one in changed.categories}
        assert {k for k in before | after if before.get(k) != after.get(k)} <= {key}
        tree = changed


def test_a_base_has_only_so_many() -> None:
    full = TreeForm(categories=[category(str(n)) for n in range(CATEGORIES_N)])
    with pytest.raises(DeclarationError, match="at most"):
        with_category(full, category("more"))
    assert find_category(full, "7").name == "7"
