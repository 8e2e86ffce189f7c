"""A system of their own for those who kill parts of one: as it is by default, with few people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.real import Real, running


@pytest.fixture(scope="session")
def real(sql_of_the_run: str) -> Iterator[Real]:
    """The system; ends with the test run."""
    with running(sql_of_the_run) as system:
        yield system
