"""A wire frame of an authenticated person -> a command and the actor it is for. Pure.

Whatever the sender's role may not send was refused before (`serve.gateway.permitting`); the
organisation and the person come from the connection, never from the frame (M9, tenancy).
"""

from __future__ import annotations

from typing import assert_never

from actors import messages as m
from actors.addresses import Address
from actors.messages import Envelope
from serve import wire as w
from serve.gateway.bodies import BodyError, check_body
from serve.gateway.connection import Connection
from serve.gateway.decoding import Bad

SESSION_ID_MAX = 20
"""Digits of the largest 64-bit number."""

Own = w.Hello | w.Ping | w.Start | w.Watch | w.Suggest | w.Used
"""Frames that the gateway answers itself; they never become a command here."""
Mapped = (
    w.SayFrame
    | w.RecallFrame
    | w.ReceiptFrame
    | w.TypingWire
    | w.End
    | w.RateFrame
    | w.WrapUp
    | w.TransferFrame
    | w.CompleteTransferFrame
    | w.CancelTransferFrame
    | w.JoinFrame
    | w.Leave
    | w.TakeOverFrame
    | w.Status
    | w.Accept
    | w.Decline
)


TO_AGENT = (w.Status, w.Accept, w.Decline)
"""Frames for the sender's own agent; all others are for the session they name."""


def session_address(org: str, session: str) -> Address | None:
    """Return the session's address; None for what cannot be a session's id."""
    if len(session) <= SESSION_ID_MAX and session.isascii() and session.isdigit():
        return Address("session", org, session)
    return None


def to_envelope(frame: Mapped, who: Connection) -> Envelope | Bad:
    """Return the command in its envelope, or the error that answers the frame."""
    if isinstance(frame, TO_AGENT):
        to: Address | None = Address("agent", who.identity.org, who.identity.subject)
    else:
        to = session_address(who.identity.org, frame.session)
    client_id = getattr(frame, "client_id", "")
    if to is None:
        return Bad("unknown_session", "No such session: use the id of a session frame.", client_id)
    command = to_command(frame, who)
    if isinstance(command, Bad):
        return command
    return Envelope(to, command)


def to_command(frame: Mapped, who: Connection) -> m.Command | Bad:
    """Return the frame as its command, signed with the connection's own person."""
    conn, person = who.conn, who.person
    match frame:
        case w.SayFrame():
            return _say(frame, who)
        case w.ReceiptFrame():
            return m.MarkReceipt(
                conn=conn, person=person, delivered=frame.delivered, read=frame.read
            )
        case w.TypingWire():
            return m.Typing(conn=conn, person=person, preview=frame.preview)
        case w.RecallFrame():
            return m.Recall(conn=conn, person=person, client_id=frame.client_id, seq=frame.seq)
        case w.End():
            return m.EndSession(
                conn=conn, person=person, client_id=frame.client_id, source=who.source
            )
        case w.RateFrame():
            return m.Rate(
                conn=conn,
                person=person,
                client_id=frame.client_id,
                score=frame.score,
                comment=frame.comment,
            )
        case w.WrapUp():
            return m.FinishWrapUp(
                conn=conn,
                person=person,
                client_id=frame.client_id,
                disposition=frame.disposition,
                note=frame.note,
            )
        case w.TransferFrame():
            return _transfer(frame, who)
        case w.Status():
            return m.SetStatus(
                conn=conn,
                person=person,
                client_id=frame.client_id,
                status=frame.status,
                reason=frame.reason,
            )
        case w.Accept() | w.Decline():
            return m.AnswerOffer(
                conn=conn,
                person=person,
                client_id=frame.client_id,
                offer=frame.offer,
                accept=isinstance(frame, w.Accept),
            )
        case w.CompleteTransferFrame():
            return m.CompleteTransfer(conn=conn, person=person, client_id=frame.client_id)
        case w.CancelTransferFrame():
            return m.CancelTransfer(conn=conn, person=person, client_id=frame.client_id)
        case w.JoinFrame():
            return m.Join(conn=conn, person=person, client_id=frame.client_id, source=who.source)
        case w.Leave():
            return m.LeaveSession(
                conn=conn, person=person, client_id=frame.client_id, source=who.source
            )
        case w.TakeOverFrame():
            return m.TakeOver(
                conn=conn, person=person, client_id=frame.client_id, source=who.source
            )
        case _:
            assert_never(frame)


def _say(frame: w.SayFrame, who: Connection) -> m.Command | Bad:
    try:
        body = check_body(frame.body)
    except BodyError as error:
        return Bad("bad_frame", f"say: {error}", frame.client_id, frame.session)
    left = frame.left
    return m.Say(
        conn=who.conn,
        person=who.person,
        client_id=frame.client_id,
        body=body,
        aside=frame.aside,
        left=None if left is None else m.Left(left.queue, left.reason, left.text),
        source=who.source if frame.aside else None,
    )


def _transfer(frame: w.TransferFrame, who: Connection) -> m.Command | Bad:
    if bool(frame.agent) == bool(frame.queue):
        detail = "transfer: name exactly one of `agent` and `queue`."
        return Bad("bad_frame", detail, frame.client_id, frame.session)
    return m.Transfer(
        conn=who.conn,
        person=who.person,
        client_id=frame.client_id,
        agent=frame.agent,
        queue=frame.queue,
        note=frame.note,
        warm=frame.warm,
        stay=frame.stay,
    )
