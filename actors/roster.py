"""The entities that a host has in memory, and their timers."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count

from actors.addresses import Address
from actors.machine import Machine


class Roster:
    """Machines by address, each with at most one valid alarm in a heap.

    A busy session moves its deadline with every message. So an alarm is only moved forward in
    time when it rings: the heap holds one entry an entity, not one a message.
    """

    def __init__(self) -> None:
        self._machines: dict[Address, Machine] = {}
        self._alarms: dict[Address, float] = {}
        self._heap: list[tuple[float, int, Address]] = []
        self._ties = count()

    def __len__(self) -> int:
        return len(self._machines)

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._machines.values())

    def get(self, address: Address) -> Machine | None:
        """Return the machine if it is in memory."""
        return self._machines.get(address)

    def add(self, machine: Machine) -> None:
        """Take a loaded machine in."""
        self._machines[machine.address] = machine

    def drop(self, address: Address) -> None:
        """Forget an entity (it is over, or must be loaded again)."""
        self._machines.pop(address, None)
        self._alarms.pop(address, None)

    def schedule(self, machine: Machine) -> None:
        """Make sure that an alarm rings at or before the machine's present deadline."""
        deadline = machine.deadline()
        if deadline is not None and deadline < self._alarms.get(machine.address, float("inf")):
            self._alarms[machine.address] = deadline
            heapq.heappush(self._heap, (deadline, next(self._ties), machine.address))

    def next_alarm(self) -> float | None:
        """Return when `due` is worth calling next."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Address]:
        """Take out and return the entities whose deadline has come."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            alarm, _, address = heapq.heappop(self._heap)
            machine = self._machines.get(address)
            if machine is None or self._alarms.get(address) != alarm:
                continue
            del self._alarms[address]
            deadline = machine.deadline()
            if deadline is not None and deadline <= now:
                found.append(address)
            else:
                self.schedule(machine)
        return found
