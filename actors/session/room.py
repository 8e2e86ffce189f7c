"""The sockets that follow a session. Soft: gateways attach them again after a restart."""

from __future__ import annotations

from actors.addresses import Conn
from actors.machine import of_gateway
from actors.messages import Person

CONNS_MAX = 20
"""A session's sockets over all its people; one more is refused."""


class Room:
    """Who listens. `everyone`, `customers` and `staff` are kept ready for every delivery."""

    __slots__ = ("_people", "customers", "everyone", "staff")

    def __init__(self) -> None:
        self._people: dict[Conn, Person] = {}
        self.everyone: tuple[Conn, ...] = ()
        self.customers: tuple[Conn, ...] = ()
        self.staff: tuple[Conn, ...] = ()

    def __contains__(self, conn: Conn) -> bool:
        return conn in self._people

    @property
    def full(self) -> bool:
        """No further socket may attach."""
        return len(self._people) >= CONNS_MAX

    def add(self, conn: Conn, person: Person) -> None:
        """Let the socket hear what its person may hear."""
        self._people[conn] = person
        self._sort()

    def drop(self, conn: Conn) -> None:
        """Forget the socket, if known."""
        if self._people.pop(conn, None) is not None:
            self._sort()

    def drop_gateway(self, gateway: str) -> None:
        """Forget every socket of a gateway."""
        for conn in of_gateway(self.everyone, gateway):
            del self._people[conn]
        self._sort()

    def drop_agent(self, agent: str) -> tuple[Conn, ...]:
        """Forget every socket of one member of staff and return them."""
        gone = tuple(conn for conn in self.staff if self._people[conn].id == agent)
        for conn in gone:
            del self._people[conn]
        self._sort()
        return gone

    def has(self, person: Person) -> bool:
        """Tell whether a socket of this member of staff is here."""
        return any(self._people[conn].id == person.id for conn in self.staff)

    def staff_people(self) -> list[Person]:
        """Return the staff whose sockets are here, each once."""
        return list({self._people[conn].id: self._people[conn] for conn in self.staff}.values())

    def drop_staff(self) -> tuple[Conn, ...]:
        """Forget every socket that is not the customer's and return them."""
        gone = self.staff
        for conn in gone:
            del self._people[conn]
        self._sort()
        return gone

    def gateways(self) -> set[str]:
        """Return the gateways that hold the sockets."""
        return {conn.gateway for conn in self.everyone}

    def _sort(self) -> None:
        people = self._people
        self.everyone = tuple(people)
        self.customers = tuple(c for c, person in people.items() if person.role == "customer")
        self.staff = tuple(c for c, person in people.items() if person.role != "customer")
