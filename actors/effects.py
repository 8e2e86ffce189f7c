"""What a machine asks its shell to do. A machine has no other way to touch the world.

The shell runs the effects of a whole turn in this order: every `Journal`, `Scrub`, `Put`, `Drop`,
`Record` and `Tell` of every entity in one commit; then, only when that is durable, the tells and
frames leave. So whatever a person or another actor is told has survived a crash already.
"""

from __future__ import annotations

import msgspec

from actors.addresses import Address, Conn
from actors.frames import ErrorCode, JournalFrame, SoftFrame
from actors.messages import Command
from actors.ports import Track
from actors.scoring import ScoreRequest


class Put(msgspec.Struct, frozen=True):
    """Set a record of the entity's durable state; `restore` gets it back."""

    field: str
    value: bytes


class Drop(msgspec.Struct, frozen=True):
    """Remove a record of the entity's durable state."""

    field: str


class Record(msgspec.Struct, frozen=True):
    """A fact for a store beside the journal (tables: see `actors.recording`).
    Committed with the state, and written there later, at least once."""

    table: str
    data: bytes


class Journal(msgspec.Struct, frozen=True):
    """Append one frame to a track of the session's timeline at `frame.seq` (the next free one)."""

    frame: JournalFrame
    track: Track = "main"


class Scrub(msgspec.Struct, frozen=True):
    """Replace the frame at `frame.seq` (a recalled message) by a stub."""

    frame: JournalFrame
    track: Track = "main"


class Tell(msgspec.Struct, frozen=True):
    """Send a command to another entity, at least once, in order per receiver. Committed with the
    state: it is sent again after a crash until the receiver has committed it."""

    to: Address
    command: Command


class Notify(msgspec.Struct, frozen=True):
    """Send a command that may be lost (queue positions)."""

    to: Address
    command: Command


class Deliver(msgspec.Struct, frozen=True):
    """A frame for these sockets, after the commit."""

    conns: tuple[Conn, ...]
    frame: JournalFrame | SoftFrame
    track: Track = "main"


class Replay(msgspec.Struct, frozen=True):
    """Send one socket the committed frames with seq in (after, upto] of a track, before any frame
    that this or a later turn delivers to it."""

    conn: Conn
    after: int
    upto: int
    track: Track = "main"


class Refuse(msgspec.Struct, frozen=True):
    """Answer a person's command with an error frame. `detail` says what to do next."""

    conn: Conn
    code: ErrorCode
    detail: str
    client_id: str = ""


class Remember(msgspec.Struct, frozen=True):
    """Store the customer's last human agent and the decision that chose it, for stickiness and for
    what the next session says of this one (soft)."""

    customer: str
    agent: str
    at: float
    decision: str = ""


class Forget(msgspec.Struct, frozen=True):
    """The session is over: it is no longer the customer's current one. `bot_ended_at`: when it
    ended, if a bot served it and no person did; else 0."""

    customer: str
    session: str
    bot_ended_at: float = 0.0


class AskScores(msgspec.Struct, frozen=True):
    """Ask the model, after the commit; the answer comes back as `ScoresTold`, or never."""

    request: ScoreRequest


class Count(msgspec.Struct, frozen=True):
    """A metric the machine alone can see. `name` is in `actors.measures.METRICS`."""

    name: str
    value: float = 1.0
    label: str = ""


class Log(msgspec.Struct, frozen=True):
    """A structured log event (name and keys); the shell adds organisation, entity and actor."""

    event: str
    fields: dict[str, str | int | float | None]


Effect = (
    Put
    | Drop
    | Record
    | Journal
    | Scrub
    | Tell
    | Notify
    | Deliver
    | Replay
    | Refuse
    | Remember
    | Forget
    | AskScores
    | Count
    | Log
)
