"""The list of defences that `python -m tests.support.defences` takes away, one at a time."""

from __future__ import annotations

import re

import pytest

from tests.support.defences import DEFENCES, ROOT, Defence


@pytest.mark.parametrize("one", DEFENCES, ids=lambda one: one.attack)
def test_every_defence_is_still_where_the_list_says(one: Defence) -> None:
    whole = (ROOT / one.file).read_text()
    assert whole.count(one.old) == 1
    assert not one.too[0] or whole.count(one.too[0]) == 1
    path, test = one.test.split("::")
    assert re.search(rf"def {test}", (ROOT / path).read_text())
