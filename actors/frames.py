"""Server -> client frames: the wire's answers, as `docs/protocol.md` shows them.

A *journal frame* has a `seq`, is stored, and reaches every participant exactly once and in order.
A *soft frame* is about now (typing, positions, acks, snapshots): losing one loses nothing, because
the snapshot after a reconnect says it again. The tag is the JSON key `t`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.messages import Body, Person

ErrorCode = Literal[
    "bad_frame",
    "bad_token",
    "blacklisted",
    "closed",
    "conflict",
    "duplicate_login",
    "forbidden",
    "internal",
    "no_session",
    "nobody_on_duty",
    "not_your_session",
    "offer_expired",
    "overloaded",
    "queue_full",
    "recall_expired",
    "session_closed",
    "session_full",
    "too_large",
    "unknown_agent",
    "unknown_frame",
    "unknown_message",
    "unknown_queue",
    "unknown_session",
    "wrong_state",
]


class _Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    """Base of all frames."""


# --- journal frames: stored, numbered ------------------------------------------------------


class Message(_Frame, frozen=True, kw_only=True, tag="message"):
    """One utterance. `from_` and `at` (seconds since 1970) are set by the server (M9)."""

    session: str
    seq: int
    id: str
    from_: Person = msgspec.field(name="from")
    at: float
    client_id: str = ""
    body: Body | None = None
    """None in the stub that a recall leaves."""
    aside: bool = False
    recalled: bool = False


class Event(_Frame, frozen=True, kw_only=True, tag="event"):
    """Something that happened to the session, in the same order as its messages.

    `kind`: opened, waiting, assigned, agent_lost, transferred, joined, left, taken_over, recalled,
    rated, wrap_up, closed; on the aside track transfer_asked (`reason`: cold or warm),
    transfer_failed, consulting, consult_ended and wrapped_up (`reason`: the disposition). Keys
    that do not apply are absent.
    """

    session: str
    seq: int
    id: str
    at: float
    kind: str
    by: Person | None = None
    agent: str = ""
    agent_name: str = ""
    queue: str = ""
    reason: str = ""
    note: str = ""
    of: int = 0
    """The recalled message's seq."""
    score: int = 0
    client_id: str = ""
    aside: bool = False


JournalFrame = Message | Event


# --- soft frames ---------------------------------------------------------------------------


class Welcome(_Frame, frozen=True, kw_only=True, tag="welcome"):
    """The door is open. For a customer `session` is the current one, or absent."""

    you: Person
    org: str
    session: str = ""
    resumed: list[str] = []
    version: int = 1
    ping_s: float = 25.0


class Receipt(_Frame, frozen=True, kw_only=True, tag="receipt"):
    """How far a side has got: everything up to these seqs. Only moves forward."""

    session: str
    side: Literal["customer", "agent"]
    delivered: int
    read: int


class SessionFrame(_Frame, frozen=True, kw_only=True, tag="session"):
    """Snapshot of a session for a device that attaches: state now, then missed frames follow.

    `from_seq` is the last seq before the first frame that follows; `reset` says that frames before
    it were not sent (fetch them from the history page).
    """

    session: str
    state: str
    customer: Person
    queue: str
    seq: int
    aside_seq: int = 0
    from_seq: int = 0
    aside_from_seq: int = 0
    reset: bool = False
    agent: Person | None = None
    subject: str = ""
    receipts: list[Receipt] = []
    position: int = 0
    eta_s: float = -1.0
    you: Literal["customer", "serving", "consulting", "joined", "watching", "none"] = "none"
    vip: int = 0
    attributes: dict[str, str] = {}


class Ack(_Frame, frozen=True, kw_only=True, tag="ack"):
    """The command is durable. For `say`, `seq` and `id` of the message."""

    client_id: str
    session: str = ""
    seq: int = 0
    id: str = ""
    at: float = 0.0
    aside: bool = False


class TypingFrame(_Frame, frozen=True, kw_only=True, tag="typing"):
    session: str
    from_: Person = msgspec.field(name="from")
    preview: str = ""


class Position(_Frame, frozen=True, kw_only=True, tag="position"):
    """Place in the queue (1 = next) and estimated wait in seconds (-1: unknown)."""

    session: str
    queue: str
    position: int
    eta_s: float


class IdleWarning(_Frame, frozen=True, kw_only=True, tag="idle"):
    """The session is quiet; it closes at `closes_at` unless the customer writes."""

    session: str
    closes_at: float


class OpenOffer(_Frame, frozen=True, kw_only=True, tag="offer"):
    """A contact for this agent; answer before `deadline` (seconds since 1970)."""

    offer: str
    session: str
    queue: str
    customer: Person
    vip: int = 0
    subject: str = ""
    summary: str = ""
    purpose: str = "serve"
    waited_s: float = 0.0
    deadline: float = 0.0
    auto: bool = False


class OfferOver(_Frame, frozen=True, kw_only=True, tag="offer_over"):
    """The offer is gone: accepted (elsewhere or here), declined, missed, withdrawn, failed."""

    offer: str
    outcome: str


class AgentFrame(_Frame, frozen=True, kw_only=True, tag="agent"):
    """Snapshot of the agent for its own devices, sent on connect and on every change."""

    agent: str
    status: str
    since: float
    reason: str = ""
    capacity: int = 0
    sessions: list[str] = []
    consults: list[str] = []
    offers: list[OpenOffer] = []


class AssistTopic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic of the knowledge base that may fit: `answer` may be sent to the customer, `inside` is
    for the agent's eyes only. `confidence`: how likely it is what was meant."""

    topic: str
    question: str
    confidence: float = 0.0
    answer: str = ""
    inside: str = ""


class Assist(_Frame, frozen=True, kw_only=True, tag="assist"):
    """For a human in a session: what the knowledge base suggests for the customer's message at
    `seq`, best first. The next message of anybody outdates it."""

    session: str
    seq: int
    topics: list[AssistTopic]


class SuggestedTopic(msgspec.Struct, frozen=True, kw_only=True):
    """A question that can be asked."""

    topic: str
    question: str


class Suggested(_Frame, frozen=True, kw_only=True, tag="suggested"):
    """For a customer who is typing: questions that `text` may become."""

    text: str
    topics: list[SuggestedTopic]


class Detached(_Frame, frozen=True, kw_only=True, tag="detached"):
    """This device gets no more frames of the session (transferred away, left, closed)."""

    session: str
    reason: str


class Error(_Frame, frozen=True, kw_only=True, tag="error"):
    """`code` is stable; `detail` is a sentence; `client_id` names the command it answers."""

    code: ErrorCode
    detail: str
    client_id: str = ""
    session: str = ""
    retry_s: float = 0.0


class Pong(_Frame, frozen=True, kw_only=True, tag="pong"):
    at: float


SoftFrame = (
    Welcome
    | Receipt
    | SessionFrame
    | Ack
    | TypingFrame
    | Position
    | IdleWarning
    | OpenOffer
    | OfferOver
    | AgentFrame
    | Assist
    | Suggested
    | Detached
    | Error
    | Pong
)

_encoder = msgspec.json.Encoder()


def encode_frame(frame: JournalFrame | SoftFrame) -> bytes:
    """Return the frame's wire form (UTF-8 JSON, `t` first)."""
    return _encoder.encode(frame)
