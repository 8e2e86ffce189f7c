"""All open sockets of one gateway: by number, by person, by device."""

from __future__ import annotations

from collections.abc import Iterator

from actors.permissions import label_of
from serve.gateway.connection import Connection

PersonKey = tuple[str, str, str]


def person_key(connection: Connection) -> PersonKey:
    """Return who it is: organisation, side, id. Agents and customers have separate ids."""
    identity = connection.identity
    side = "customer" if identity.role == "customer" else "agent"
    return (identity.org, side, identity.subject)


class Table:
    """The sockets. `get` is the hot path: one dictionary look-up."""

    def __init__(self) -> None:
        self._by_number: dict[int, Connection] = {}
        self._by_person: dict[PersonKey, list[Connection]] = {}
        self._open: dict[tuple[str, str], int] = {}
        self.get = self._by_number.get

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_number.values()))

    def add(self, connection: Connection) -> None:
        """Register an open socket."""
        self._by_number[connection.number] = connection
        self._by_person.setdefault(person_key(connection), []).append(connection)
        kind = _kind(connection)
        self._open[kind] = self._open.get(kind, 0) + 1

    def remove(self, connection: Connection) -> bool:
        """Forget a socket; False when it was not here."""
        if self._by_number.pop(connection.number, None) is None:
            return False
        key = person_key(connection)
        mates = self._by_person[key]
        mates.remove(connection)
        if not mates:
            del self._by_person[key]
        self._open[_kind(connection)] -= 1
        return True

    def of_person(self, connection: Connection) -> list[Connection]:
        """Return the sockets of the same person (without it, if it is not registered)."""
        return list(self._by_person.get(person_key(connection), ()))

    def people(self, org: str, subject: str) -> list[Connection]:
        """Return the sockets of the agent and of the customer of that id."""
        found = (self._by_person.get((org, side, subject), ()) for side in ("agent", "customer"))
        return [connection for some in found for connection in some]

    def open_n(self, org: str, role: str) -> int:
        """Return how many sockets of that role (`actors.permissions.label_of`) are open."""
        return self._open.get((org, role), 0)


def _kind(connection: Connection) -> tuple[str, str]:
    return connection.identity.org, label_of(connection.identity.role)
