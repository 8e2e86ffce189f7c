"""What a route of the administration asks of its caller: declared beside each route, checked in one
place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from serve.identity import Identity

Action = Literal["read", "create", "update", "delete", "import", "export"]


class Permission(msgspec.Struct, frozen=True):
    """To do `action` with a `resource`: a kind of row, `organisation` or `audit`."""

    resource: str
    action: Action


Check = Callable[[Identity, Permission], bool]
"""Tells whether somebody has a permission in their own organisation."""


def may(who: Identity, permission: Permission) -> bool:
    """Administrators may do everything, leaders may read."""
    if who.role == "admin":
        return True
    return who.role == "leader" and permission.action == "read"
