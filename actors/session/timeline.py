"""What the session remembers of its own timeline: numbers, client ids, who spoke last.

All of it follows from the journaled frames, so a restart feeds them in again and nothing of it is
stored twice. Frames themselves stay in the journal; only the last two minutes are held, for recall.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from actors.frames import Ack, Event, JournalFrame, Message
from actors.messages import Body, Person
from actors.session.fingerprints import Fingerprint, of_event

RECALL_S = 120.0

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Message | Event] = msgspec.json.Decoder(Message | Event)


def body_print(body: Body) -> int:
    """Return what tells two bodies apart within this process."""
    return hash(_encode(body))


def sender_key(person: Person, client_id: str) -> tuple[str, str]:
    """Return the key of a command: an agent and the customer may have the same id."""
    return ("" if person.role == "customer" else person.id, client_id)


class Timeline:
    """Grows by `add_message` and `add_event`; `restore` is the same for many frames."""

    __slots__ = (
        "_events",
        "_recent",
        "answers",
        "aside_seq",
        "last_at",
        "recalls",
        "seq",
        "session",
        "staff_spoke_last",
    )

    def __init__(self, session: str) -> None:
        self.session = session
        self.seq = 0
        self.aside_seq = 0
        self.answers: dict[tuple[str, str], tuple[Ack, Fingerprint]] = {}
        """(sender, client id) -> what was answered, and what was asked (M2)."""
        self.recalls: dict[int, Event] = {}
        """Recalled message's seq -> its `recalled` event."""
        self.last_at = 0.0
        """When the last message of the main track was said."""
        self.staff_spoke_last = False
        self._recent: deque[Message] = deque()
        self._events: set[int] = set()

    def restore(self, frames: Sequence[bytes]) -> None:
        """Take in the encoded frames of both tracks, each track in its order."""
        for data in frames:
            frame = _decoder.decode(data)
            if isinstance(frame, Event):
                self.add_event(frame)
            else:
                body = frame.body
                self.add_message(frame, None if body is None else body_print(body))

    def add_message(self, frame: Message, digest: Fingerprint) -> Ack:
        """Take in one message and return the sender's ack."""
        person = frame.from_
        ack = Ack(
            client_id=frame.client_id,
            session=self.session,
            seq=frame.seq,
            id=frame.id,
            at=frame.at,
            aside=frame.aside,
        )
        self.answers[sender_key(person, frame.client_id)] = (ack, digest)
        if frame.aside:
            self.aside_seq = frame.seq
            return ack
        self.seq = frame.seq
        self.last_at = frame.at
        self.staff_spoke_last = person.role != "customer"
        recent = self._recent
        recent.append(frame)
        while recent[0].at < frame.at - RECALL_S:
            recent.popleft()
        return ack

    def add_event(self, frame: Event) -> None:
        """Take in one event; if a person's command caused it, remember the answer."""
        if frame.aside:
            self.aside_seq = frame.seq
        else:
            self.seq = frame.seq
            self._events.add(frame.seq)
        if frame.kind == "recalled":
            self._take_back(frame)
        if frame.client_id and frame.by is not None:
            key = sender_key(frame.by, frame.client_id)
            self.answers[key] = (self.ack_of(frame), of_event(frame))

    def ack_of(self, frame: JournalFrame) -> Ack:
        """Return the ack of the command that made this frame."""
        return Ack(
            client_id=frame.client_id,
            session=self.session,
            seq=frame.seq,
            id=frame.id,
            at=frame.at,
            aside=frame.aside,
        )

    def is_message(self, seq: int) -> bool:
        """Tell whether the main track has a message (not an event) at `seq`."""
        return 0 < seq <= self.seq and seq not in self._events

    def recent(self, seq: int, now: float) -> Message | None:
        """Return the message at `seq` if it may still be recalled at `now`."""
        for frame in reversed(self._recent):
            if frame.seq == seq:
                return frame if now <= frame.at + RECALL_S else None
        return None

    def _take_back(self, event: Event) -> None:
        """Forget the body: a repeat of the recalled `say` is acked whatever it carries."""
        self.recalls[event.of] = event
        for frame in self._recent:
            if frame.seq == event.of:
                key = sender_key(frame.from_, frame.client_id)
                self.answers[key] = (self.answers[key][0], None)
                self._recent.remove(frame)
                break
