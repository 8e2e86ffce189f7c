"""Closing the sockets of whoever may not stay (implements `serve.oauth.guard.Sockets`)."""

from __future__ import annotations

from collections.abc import Callable

from serve.gateway.connection import Connection
from serve.gateway.table import Table
from serve.identity import Identity

Fits = Callable[[Identity], str]
"""Returns why somebody may not stay; '' if nothing speaks against it."""


class Evicting:
    """Asks of open sockets whether their bearers may stay; `turn_out` tells one why and closes."""

    def __init__(self, table: Table, turn_out: Callable[[Connection, str], None]) -> None:
        self._table = table
        self._turn_out = turn_out

    def end_person(self, org: str, subject: str, fits: Fits) -> None:
        """Close the person's sockets for which `fits` names a reason."""
        self._evict(self._table.people(org, subject), fits)

    def end_staff(self, org: str, fits: Fits) -> None:
        """The same for all staff of the organisation. Looks at every socket of the gateway."""
        staff = [one for one in self._table if one.identity.org == org]
        self._evict([one for one in staff if one.identity.role != "customer"], fits)

    def _evict(self, connections: list[Connection], fits: Fits) -> None:
        for connection in connections:
            reason = fits(connection.identity)
            if reason:
                self._turn_out(connection, reason)
