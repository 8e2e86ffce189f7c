"""A bounded memory of what is over, so that a late repeat of it is recognised."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The values set last, at most `limit`; the one set longest ago goes first. Soft state."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return the value, None if there is none or it was too long ago."""
        return self._values.get(key)

    def set(self, key: K, value: V) -> None:
        """Remember the value as the newest."""
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._limit:
            del self._values[next(iter(self._values))]
