"""The real doors over a small centre without actors, for tests of clients and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.one_desk import Centre

pytest.register_assert_rewrite("tests.support.real", "tests.support.tenants")


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    """A centre with its doors open."""
    centre = Centre()
    await centre.open()
    yield centre
    await centre.close()
    centre.forget()
