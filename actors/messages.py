"""Every command an actor understands.

Commands come from people (through a gateway: they carry `conn` and a `Person` that the gateway
has authenticated) or from other actors. Delivery is at least once and in order per pair of
processes, so every command may arrive twice or late: an *episode* (how often a session has been
put up for routing, counted by the session) and an offer id make each of them recognisable, and a
machine answers a stale one with nothing or `Refuse`.

    session  -> queue     Enqueue, LeaveQueue
    queue    -> session   EnqueueRefused, QueueTimedOut, Overflowed, PositionChanged
    queue    -> dispatch  ContactWaiting, ContactGone
    dispatch -> queue     ContactTaken, StaffChanged, Announce
    dispatch -> agent     OfferMade, OfferEnded, Announce
    dispatch -> session   ContactOffered, OfferLapsed, Assign
    agent    -> dispatch  AgentChanged, OfferAnswered
    session  -> dispatch  AssignRefused, Release
    session  -> agent     SessionJoined, SessionLeft
    agent    -> session   AgentLost
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.acts import Source
from actors.addresses import Address, Conn
from actors.config import OrgConfig
from policies.learned_policy import Scores


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Base of all commands; the tag on the wire is the class name."""


# --- people --------------------------------------------------------------------------------

Role = str
"""`customer`, `system`, or a role of the staff: built in (`actors.permissions`) or an
organisation's own."""


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is acting, as the gateway authenticated it. `kind` of an agent: human or bot."""

    id: str
    role: Role
    name: str = ""
    kind: str = "human"


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks for help. `vip` and `attributes` only ever come from a signed assertion."""

    id: str
    name: str = ""
    vip: int = 0
    lang: str = ""
    attributes: dict[str, str] = {}
    ip: str = ""
    device: str = ""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was said. `kind`: text, image, file or card. Validated by the gateway."""

    kind: Literal["text", "image", "file", "card"]
    text: str = ""
    url: str = ""
    name: str = ""
    size: int = 0
    """Bytes, for an image or a file."""
    title: str = ""
    buttons: list[str] = []


# --- gateway -> session --------------------------------------------------------------------


class OpenSession(_Message, frozen=True, kw_only=True):
    """A customer asks for help. Repeating it for a session that exists does nothing.

    `last_agent`, `last_ended_at`, `last_session` and `last_decision` are what the store remembers
    of the customer's last session with a person.
    """

    conn: Conn | None = None
    customer: Customer
    queue: str = ""
    """Wanted queue; empty: the organisation's entry queue."""
    subject: str = ""
    needs: dict[str, int] = {}
    last_agent: str = ""
    last_ended_at: float = 0.0
    last_session: str = ""
    last_decision: str = ""


class Attach(_Message, frozen=True, kw_only=True):
    """A device wants this session's frames from `after` on (0: from the start), and on.

    `aside_after` is the cursor of the staff-only track (whispers, notes). The answer is one
    `session` frame (snapshot), the missed frames in order, then live frames; or an error.
    `watch`: a supervisor who is not a participant.
    """

    conn: Conn
    person: Person
    after: int = 0
    aside_after: int = 0
    watch: bool = False
    source: Source | None = None


class Detach(_Message, frozen=True, kw_only=True):
    """A device is gone."""

    conn: Conn


class Left(msgspec.Struct, frozen=True):
    """What a customer left for the people of a queue, and why none of them could be had."""

    queue: str
    reason: str
    text: str


class Say(_Message, frozen=True, kw_only=True):
    """`aside`: only staff sees it (whisper, note). `left`: the note is about a message that the
    customer left, which becomes a ticket."""

    conn: Conn
    person: Person
    client_id: str
    body: Body
    aside: bool = False
    left: Left | None = None
    source: Source | None = None


class Recall(_Message, frozen=True, kw_only=True):
    """Take one's own message back within 2 minutes; leaves a stub."""

    conn: Conn
    person: Person
    client_id: str
    seq: int


class MarkReceipt(_Message, frozen=True, kw_only=True):
    """Everything up to these seqs reached a device of / was read by `person`'s side."""

    conn: Conn
    person: Person
    delivered: int = 0
    read: int = 0


class Typing(_Message, frozen=True, kw_only=True):
    """Soft. `preview` of a customer's text goes to the agent side only."""

    conn: Conn
    person: Person
    preview: str = ""


class EndSession(_Message, frozen=True, kw_only=True):
    """The customer, the serving agent or a leader ends the conversation."""

    conn: Conn
    person: Person
    client_id: str = ""
    source: Source | None = None


class Rate(_Message, frozen=True, kw_only=True):
    """The customer's survey answer, 1-5; the last one counts."""

    conn: Conn
    person: Person
    client_id: str = ""
    score: int
    comment: str = ""


class FinishWrapUp(_Message, frozen=True, kw_only=True):
    """The agent's result code: frees the slot."""

    conn: Conn
    person: Person
    client_id: str = ""
    disposition: str = ""
    note: str = ""


class Transfer(_Message, frozen=True, kw_only=True):
    """To exactly one of `agent` or `queue`. Cold to a queue lets go at once; to an agent the
    session stays until that agent accepts. `warm`: the other agent joins to consult first.
    `stay`: cold to a queue, but the present agent serves on until somebody accepts."""

    conn: Conn
    person: Person
    client_id: str = ""
    agent: str = ""
    queue: str = ""
    note: str = ""
    warm: bool = False
    stay: bool = False


class CompleteTransfer(_Message, frozen=True, kw_only=True):
    """Warm: hand the session to the consulted agent now."""

    conn: Conn
    person: Person
    client_id: str = ""


class CancelTransfer(_Message, frozen=True, kw_only=True):
    """Withdraw a pending transfer or end the consultation."""

    conn: Conn
    person: Person
    client_id: str = ""


class Join(_Message, frozen=True, kw_only=True):
    """A leader takes part in the conversation, visible to the customer."""

    conn: Conn
    person: Person
    client_id: str = ""
    source: Source | None = None


class LeaveSession(_Message, frozen=True, kw_only=True):
    """A leader who joined or watches leaves."""

    conn: Conn
    person: Person
    client_id: str = ""
    source: Source | None = None


class TakeOver(_Message, frozen=True, kw_only=True):
    """A leader becomes the serving agent; holds no capacity units."""

    conn: Conn
    person: Person
    client_id: str = ""
    source: Source | None = None


# --- gateway -> agent ----------------------------------------------------------------------


class ConnectAgent(_Message, frozen=True, kw_only=True):
    """A device of the agent is open. `status` of a bot's device is `available`; a person keeps
    the status held before. The answer is one `agent` frame (snapshot). `device`: chosen by it; an
    older socket of the same one, at whatever gateway, is told `duplicate_login`."""

    conn: Conn
    person: Person
    status: str = ""
    device: str = ""


class DisconnectAgent(_Message, frozen=True, kw_only=True):
    conn: Conn


class SetStatus(_Message, frozen=True, kw_only=True):
    """`available`, `break` (with `reason`) or `offline`."""

    conn: Conn
    person: Person
    client_id: str = ""
    status: str
    reason: str = ""


class AnswerOffer(_Message, frozen=True, kw_only=True):
    conn: Conn
    person: Person
    client_id: str = ""
    offer: str
    accept: bool


# --- routing -------------------------------------------------------------------------------


class Contact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request for help as routing sees it. `(session, episode)` identifies it."""

    session: str
    episode: int
    queue: str
    customer: Customer
    needs: dict[str, int] = {}
    """Of the contact itself, beyond the queue's."""
    arrived_at: float
    """Age counts from here, over transfers, declined offers and lost agents."""
    priority_points: float = 0.0
    """VIP points, set by the session from `OrgConfig.vip_points`; the queue adds its own."""
    agent: str = ""
    """Only this agent (transfer to an agent, consult)."""
    prefer: str = ""
    prefer_until: float = 0.0
    """Stickiness: only `prefer` until then, anyone after."""
    exclude: list[str] = []
    """Agents not to offer to (who transferred it away or is being consulted by)."""
    requeued: bool = False
    """A transfer or a re-queue: may use the reserved fifth of the queue's limit."""
    hand_off: bool = False
    """A bot's: refused as `nobody_on_duty` rather than kept waiting while the queue is closed or
    nobody serves it, since the bot can take a message."""
    purpose: Literal["serve", "transfer", "consult"] = "serve"
    subject: str = ""
    summary: str = ""
    """Note shown with the offer."""
    intent: str = ""
    """What the customer wants, where somebody (a bot) has found out."""
    moved: bool = False
    """It overflowed from another queue: a long estimated wait does not move it on again, or two
    full queues would play ball with it."""


class Enqueue(_Message, frozen=True, kw_only=True):
    """Put a contact in the queue; a later episode of the same session replaces an earlier."""

    contact: Contact


class LeaveQueue(_Message, frozen=True, kw_only=True):
    """`abandoned`: the customer left, and not for another queue."""

    session: str
    episode: int
    abandoned: bool = False


class EnqueueRefused(_Message, frozen=True, kw_only=True):
    """`reason`: queue_full, unknown_queue, closed, nobody_on_duty or leave_message."""

    episode: int
    reason: str
    opens_at: float = 0.0
    """When a closed queue opens next; 0: not known."""


class QueueTimedOut(_Message, frozen=True, kw_only=True):
    episode: int


class Overflowed(_Message, frozen=True, kw_only=True):
    """The contact left this queue for `to`; the session enqueues it there (same episode + 1)."""

    episode: int
    to: str


class PositionChanged(_Message, frozen=True, kw_only=True):
    """Soft. `position` is 1 for the next; `eta_s` the estimated wait, -1 unknown."""

    episode: int
    position: int
    eta_s: float


class ContactWaiting(_Message, frozen=True, kw_only=True):
    contact: Contact
    virtual_at: float
    """`arrived_at` less 60 s per priority point: the smallest is served first."""
    since: float = 0.0
    """From when its wait in this queue counts (relaxation); 0: from `arrived_at`."""


class ContactGone(_Message, frozen=True, kw_only=True):
    """`abandoned`: as in `LeaveQueue`."""

    session: str
    episode: int
    abandoned: bool = False


class ContactTaken(_Message, frozen=True, kw_only=True):
    """An offer was accepted: the queue drops the contact and counts its wait. An empty `agent`:
    the episode was over before the queue said it waits (a late repeat); nothing to count."""

    session: str
    episode: int
    agent: str


class StaffChanged(_Message, frozen=True, kw_only=True):
    """Whether anybody who serves the queue is on duty (any status but offline)."""

    staffed: bool


class Announce(_Message, frozen=True, kw_only=True):
    """Tell the sender your present state again (it has restarted)."""


class OfferMade(_Message, frozen=True, kw_only=True):
    offer: str
    contact: Contact
    deadline: float
    auto: bool = False
    """Already accepted on the agent's behalf."""


class OfferEnded(_Message, frozen=True, kw_only=True):
    """`outcome`: accepted, declined, missed, withdrawn or failed."""

    offer: str
    outcome: str


class ContactOffered(_Message, frozen=True, kw_only=True):
    episode: int
    offer: str
    agent: str


class OfferLapsed(_Message, frozen=True, kw_only=True):
    """declined, missed, withdrawn or failed: the contact waits on at its old age."""

    episode: int
    offer: str
    outcome: str


class Assign(_Message, frozen=True, kw_only=True):
    """The offer was accepted. The session commits or answers `AssignRefused`."""

    episode: int
    offer: str
    agent: str
    purpose: Literal["serve", "transfer", "consult"] = "serve"


class AssignRefused(_Message, frozen=True, kw_only=True):
    """The session is over or has moved on: dispatch ends the offer as `failed`."""

    session: str
    episode: int
    offer: str


class Release(_Message, frozen=True, kw_only=True):
    """The agent no longer holds this contact (ended, wrapped up, transferred, taken over, lost):
    give the units back."""

    session: str
    episode: int
    agent: str


class AgentChanged(_Message, frozen=True, kw_only=True):
    """Status of an agent as dispatch must know it. `version` grows with every change and survives
    a crash, so that a late repeat cannot undo a newer one."""

    agent: str
    status: str
    since: float
    version: int


class OfferAnswered(_Message, frozen=True, kw_only=True):
    agent: str
    offer: str
    accept: bool


class SessionJoined(_Message, frozen=True, kw_only=True):
    """`agent` now serves (or consults in) the session."""

    session: str
    episode: int
    customer: Customer
    as_: Literal["serving", "consulting"] = msgspec.field(default="serving", name="as")


class SessionLeft(_Message, frozen=True, kw_only=True):
    session: str
    episode: int


class AgentLost(_Message, frozen=True, kw_only=True):
    """The agent's grace period is over: re-queue with the old age."""

    agent: str
    session: str
    episode: int


# --- host -> every machine -----------------------------------------------------------------


class ConfigChanged(_Message, frozen=True, kw_only=True):
    config: OrgConfig


class GatewayGone(_Message, frozen=True, kw_only=True):
    """The gateway holding some of the entity's connections died."""

    gateway: str


class Tick(_Message, frozen=True, kw_only=True):
    """A deadline that the machine asked for has come."""


class ScoresTold(_Message, frozen=True, kw_only=True):
    """A model's scores by session: the answer to `actors.effects.AskScores`, from the host itself.
    May come late or never."""

    request: str
    scores: dict[str, Scores]


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A command on its way. `sender` is None for a gateway."""

    to: Address
    command: Command
    sender: Address | None = None


Command = (
    OpenSession
    | Attach
    | Detach
    | Say
    | Recall
    | MarkReceipt
    | Typing
    | EndSession
    | Rate
    | FinishWrapUp
    | Transfer
    | CompleteTransfer
    | CancelTransfer
    | Join
    | LeaveSession
    | TakeOver
    | ConnectAgent
    | DisconnectAgent
    | SetStatus
    | AnswerOffer
    | Enqueue
    | LeaveQueue
    | EnqueueRefused
    | QueueTimedOut
    | Overflowed
    | PositionChanged
    | ContactWaiting
    | ContactGone
    | ContactTaken
    | StaffChanged
    | Announce
    | OfferMade
    | OfferEnded
    | ContactOffered
    | OfferLapsed
    | Assign
    | AssignRefused
    | Release
    | AgentChanged
    | OfferAnswered
    | SessionJoined
    | SessionLeft
    | AgentLost
    | ConfigChanged
    | GatewayGone
    | Tick
    | ScoresTold
)
