"""Which rows a row refers to: read before every write, and before every removal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from actors.permissions import BUILT_IN
from infra.directory.declared_rows import (
    DeclaredHours,
    DeclaredQueue,
    DeclaredReply,
    DeclaredSettings,
    PublicAgent,
)


@dataclass(frozen=True)
class Reference:
    """`path` in the row names row `id` of `part`. `owned`: the row goes when that one goes."""

    path: str
    part: str
    id: str
    owned: bool = False


def references(key: str, row: Any) -> Iterator[Reference]:
    """Yield what the row of that id refers to."""
    match row:
        case DeclaredQueue():
            yield from (Reference("groups", "groups", one) for one in row.groups)
            yield from (Reference("needs", "skills", one) for one in row.needs)
            if row.overflow_to is not None:
                yield Reference("overflow_to", "queues", row.overflow_to)
            if row.hours is not None:
                yield Reference("hours", "hours", row.hours)
        case PublicAgent():
            if row.role not in BUILT_IN:
                yield Reference("role", "roles", row.role)
            yield from (Reference("groups", "groups", one) for one in row.groups)
            yield from (Reference("skills", "skills", one) for one in row.skills)
        case DeclaredHours():
            yield from (Reference("holidays", "holidays", one) for one in row.holidays)
        case DeclaredReply():
            if row.owner is not None:
                yield Reference("owner", "agents", row.owner, owned=True)
            if row.group is not None:
                yield Reference("group", "groups", row.group)
        case DeclaredSettings():
            level, _, subject = key.partition(":")
            if subject:
                part = "groups" if level == "group" else "agents"
                yield Reference("id", part, subject, owned=True)
        case _:
            if hasattr(row, "entry_queue"):
                yield Reference("entry_queue", "queues", row.entry_queue)
