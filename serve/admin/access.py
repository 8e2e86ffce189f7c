"""What a route of the administration asks of its caller, under the name its routes use."""

from __future__ import annotations

from actors.permissions import Permission

__all__ = ["Permission"]
