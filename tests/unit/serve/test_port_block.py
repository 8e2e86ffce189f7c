"""Two systems on one machine never share a gateway's port."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from serve import port_block as module
from serve.port_block import PORTS_N, port_block


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three blocks, where no running system looks for its own."""
    monkeypatch.setattr(module, "LOWEST", 18_000)
    monkeypatch.setattr(module, "HIGHEST", 18_000 + 4 * PORTS_N)


def test_blocks_held_at_once_have_no_port_in_common() -> None:
    with ExitStack() as stack:
        blocks = [stack.enter_context(port_block()) for _ in range(10)]
        assert len({port for block in blocks for port in block}) == 10 * (PORTS_N - 1)


def test_a_block_is_free_again_at_its_end_and_none_is_given_twice(narrow: None) -> None:
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(port_block())
        with pytest.raises(RuntimeError, match="no block"):
            held.enter_context(port_block())
    with port_block() as block:
        assert len(block) == PORTS_N - 1
