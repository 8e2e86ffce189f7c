from __future__ import annotations

import pytest

from actors.effects import Journal
from actors.frames import Event
from tests.support.machines import FakeContext, FakeStore


def test_the_store_refuses_a_gap() -> None:
    store = FakeStore()
    store.apply(Journal(Event(session="1", seq=1, id="1", at=0.0, kind="opened")))
    with pytest.raises(AssertionError, match="gap"):
        store.apply(Journal(Event(session="1", seq=3, id="2", at=0.0, kind="waiting")))


def test_ids_never_repeat() -> None:
    ctx = FakeContext()
    assert len({ctx.new_id() for _ in range(100)}) == 100
