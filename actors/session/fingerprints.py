"""What a command asked for, told from the command and from the event it led to.

A command repeated under its `client_id` must be recognised after a restart, when only the journaled
event is left; the same id for something else is a `conflict`. Both sides therefore reduce to one
text here. (A message's fingerprint is its body's: see `actors.session.timeline`.)
"""

from __future__ import annotations

from actors.frames import Event
from actors.messages import (
    CancelTransfer,
    CompleteTransfer,
    EndSession,
    FinishWrapUp,
    Join,
    LeaveSession,
    Rate,
    Recall,
    TakeOver,
    Transfer,
)

Fingerprint = int | str | None
"""None matches everything: the body of a recalled message is gone."""

Repeatable = (
    Recall
    | EndSession
    | Rate
    | FinishWrapUp
    | Transfer
    | CompleteTransfer
    | CancelTransfer
    | Join
    | LeaveSession
    | TakeOver
)
"""Commands of people, other than `Say`, that are idempotent by their client id."""

_BY_EVENT = {
    "joined": "Join",
    "left": "LeaveSession",
    "taken_over": "TakeOver",
    "wrap_up": "EndSession",
    "closed": "EndSession",
    "transfer_failed": "CancelTransfer",
}
_BY_CONSULT_END = {"completed": "CompleteTransfer", "left": "LeaveSession"}


def of_command(command: Repeatable) -> str:
    """Return what the command asks for."""
    match command:
        case Recall(seq=seq):
            return f"Recall {seq}"
        case Rate(score=score, comment=comment):
            return f"Rate {score} {comment}"
        case FinishWrapUp(disposition=disposition, note=note):
            return f"FinishWrapUp {disposition} {note}"
        case Transfer(agent=agent, queue=queue, warm=warm, note=note):
            return f"Transfer {agent}/{queue} {'warm' if warm else 'cold'} {note}"
        case _:
            return type(command).__name__


def of_event(event: Event) -> str:
    """Return what the command asked for that led to this event."""
    match event.kind:
        case "recalled":
            return f"Recall {event.of}"
        case "rated":
            return f"Rate {event.score} {event.note}"
        case "wrapped_up":
            return f"FinishWrapUp {event.reason} {event.note}"
        case "transfer_asked":
            return f"Transfer {event.agent}/{event.queue} {event.reason} {event.note}"
        case "consult_ended":
            return _BY_CONSULT_END.get(event.reason, "CancelTransfer")
        case kind:
            return _BY_EVENT[kind]
