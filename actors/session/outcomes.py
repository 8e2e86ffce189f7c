"""What came of a decision, as the session knows it: late facts, for the decision log.

A decision is long past when it is known what it was good for. So each part is told when it becomes
known, under the id of the decision, and whoever reads the log joins them (`policies.joining`).
A seat that was taken over is no decision's: nothing is told of it.
"""

from __future__ import annotations

import msgspec

from actors.effects import Record
from actors.messages import OpenSession
from actors.session.state import Attempt, Seat
from actors.session.turn import Turn
from policies.decisions import DAY_S, WEEK_S, Outcome


class BotRating(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer thinks of the bot that serves, or served last; instants are in seconds since
    1970. It is about what was asked between `since`, when the bot got the session, and `at`."""

    session: str
    score: int
    since: float
    at: float


_encode = msgspec.msgpack.Encoder().encode


def served(t: Turn, seat: Seat, *, transfers_n: int) -> None:
    """The agent's part is over; `transfers_n`: 1 if it handed the customer on, 0 if the
    conversation ended with it."""
    _tell(t, seat.offer, abandoned=False, transfers_n=transfers_n)


def left_unserved(t: Turn, attempt: Attempt, *, abandoned: bool) -> None:
    """The wait ended without an agent: this is what the last offer, if there was one, came to."""
    wait_s = round(t.now - attempt.contact.arrived_at, 3)
    _tell(t, attempt.offer or attempt.lapsed, abandoned=abandoned, wait_s=wait_s)


def wrapped_up(t: Turn, seat: Seat, disposition: str) -> None:
    """The agent says how it went; whether that means solved is the organisation's to say."""
    solved = t.s.config.solved_by.get(disposition)
    _tell(t, seat.offer, disposition=disposition, solved=solved)


def rated(t: Turn, seat: Seat | None, score: int) -> None:
    """The customer says how it was. Of a bot also for whoever looks after its base."""
    if seat is None:
        return
    _tell(t, seat.offer, rating=score)
    if seat.person.kind == "bot":
        rating = BotRating(session=t.s.address.id, score=score, since=seat.since, at=t.now)
        t.out.append(Record("bot_rating", _encode(rating)))


def came_back(t: Turn, c: OpenSession) -> None:
    """The customer asks for help again: a re-contact of the last session that a person served.

    Measured from the end of the one conversation to the opening of the next.
    """
    away_s = t.now - c.last_ended_at
    _tell(
        t,
        c.last_decision,
        session=c.last_session,
        recontact_1d=away_s <= DAY_S,
        recontact_7d=away_s <= WEEK_S,
    )


def _tell(
    t: Turn,
    decision: str,
    *,
    session: str = "",
    wait_s: float | None = None,
    abandoned: bool | None = None,
    transfers_n: int | None = None,
    disposition: str | None = None,
    solved: bool | None = None,
    rating: int | None = None,
    recontact_1d: bool | None = None,
    recontact_7d: bool | None = None,
) -> None:
    if not decision:
        return
    part = Outcome(
        decision=decision,
        session=session or t.s.address.id,
        at=t.now,
        wait_s=wait_s,
        abandoned=abandoned,
        transfers_n=transfers_n,
        disposition=disposition,
        solved=solved,
        rating=rating,
        recontact_1d=recontact_1d,
        recontact_7d=recontact_7d,
    )
    t.out.append(Record("outcome", _encode(part)))
