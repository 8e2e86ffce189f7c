"""What came of a decision, as the session knows it: for the decision log."""

from __future__ import annotations

import msgspec

from actors.effects import Record
from actors.session.state import Seat
from actors.session.turn import Turn
from policies.decisions import Outcome

_encode = msgspec.msgpack.Encoder().encode


def came_of(
    t: Turn,
    seat: Seat | None,
    *,
    disposition: str | None = None,
    rating: int | None = None,
    transfers_n: int | None = None,
) -> None:
    """Record a part of what came of the decision that gave the agent this seat. A seat that was
    taken over is no decision's."""
    if seat is None or not seat.offer:
        return
    made = Outcome(
        decision=seat.offer,
        session=t.s.address.id,
        at=t.now,
        disposition=disposition,
        rating=rating,
        transfers_n=transfers_n,
    )
    t.out.append(Record("outcome", _encode(made)))
