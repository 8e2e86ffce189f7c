"""Running the machines of one turn: a machine that raises loses its turn, not its neighbours'."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from actors.addresses import Address, Conn
from actors.effects import Refuse
from actors.inbox import Item
from actors.messages import Command, Tick
from actors.roster import Roster
from actors.turn import Turn

log = structlog.get_logger()


def run_all(turn: Turn, roster: Roster, items: Sequence[Item]) -> list[Item]:
    """Run every command, then settle every machine that ran.

    A machine that raises has its memory and its turn discarded. Returns those of its commands that
    must run again once it has been reloaded: all but the one that made it raise.
    """
    poisonous: dict[Address, Item | None] = {}
    for item in items:
        to, command = item[0].to, item[0].command
        machine = roster.get(to)
        if machine is None or to in poisonous:
            continue
        try:
            turn.run(machine, command)
        except Exception as error:  # noqa: BLE001  whatever it is, it is this machine's defect
            poisonous[to] = item
            discard(turn, roster, to, command, error)
    for machine in list(turn.touched.values()):
        address = machine.address
        try:
            turn.settle(machine)
        except Exception as error:  # noqa: BLE001  same
            mine = [item for item in items if item[0].to == address]
            poisonous[address] = mine[-1] if mine else None
            discard(turn, roster, address, mine[-1][0].command if mine else Tick(), error)
    return [i for i in items if i[0].to in poisonous and i is not poisonous[i[0].to]]


def discard(
    turn: Turn, roster: Roster, address: Address, command: Command, error: Exception
) -> None:
    """Forget what a machine that raised has in memory and wanted; tell the person; log."""
    name = type(command).__name__
    log.error("machine.defect", entity=str(address), command=name, exc_info=error)
    turn.forget(address)
    turn.defects += 1
    roster.drop(address)
    conn = getattr(command, "conn", None)
    if isinstance(conn, Conn):
        client_id = getattr(command, "client_id", "")
        detail = "this command failed and had no effect; report it to the operator"
        turn.outgoing[address] = [Refuse(conn, "internal", detail, client_id)]
