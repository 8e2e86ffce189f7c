"""The one checker of every benchmark and replay: was anything lost, shown twice, or out of order?

It is told what was sent, acked, delivered and assigned, and judges by `seq` at each receiver.

- lost: an acked message that a receiver of its session never got. Judged by `report`, at the end.
- duplicated: a receiver got the same seq of a session again.
- out_of_order: a receiver got a seq after a larger one.
- missing_in_history: an acked message that the history does not have.
- double_assigned: a session given to an agent while another had it, or twice in one episode.

Memory: one integer per acked message and one interval per receiver and session while nothing is
lost. `merge` adds what another process saw; a session's receivers may be in different processes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from benchmarks.histogram import Histogram


@dataclass(slots=True)
class Seen:
    """The seqs one receiver got of one session. Everything in (after, upto] and in `beyond`."""

    after: int = 0
    upto: int = 0
    beyond: set[int] = field(default_factory=set)
    largest: int = 0

    def __contains__(self, seq: object) -> bool:
        return isinstance(seq, int) and (seq <= self.upto or seq in self.beyond)

    def add(self, seq: int) -> None:
        """Note a seq that was not seen before."""
        self.largest = max(self.largest, seq)
        self.beyond.add(seq)
        while self.upto + 1 in self.beyond:
            self.upto += 1
            self.beyond.remove(self.upto)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict. Everything but the first three counts and the latencies must be 0."""

    sent: int
    acked: int
    delivered: int
    lost: int
    duplicated: int
    out_of_order: int
    missing_in_history: int
    double_assigned: int
    ack_ms: dict[str, float]
    deliver_ms: dict[str, float]

    @property
    def clean(self) -> bool:
        """True if no promise was broken."""
        return not (
            self.lost
            or self.duplicated
            or self.out_of_order
            or self.missing_in_history
            or self.double_assigned
        )

    def to_json(self) -> str:
        """Return the report as one JSON object, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


class Checker:
    """Collects what happened; `report` judges. Instants are seconds of one clock per call pair.

    Receivers are any names; `expect` says from when on one must get everything of a session.
    """

    def __init__(self) -> None:
        self.ack = Histogram()
        self.deliver = Histogram()
        self._sent_n = 0
        self._delivered_n = 0
        self._duplicated_n = 0
        self._out_of_order_n = 0
        self._missing_n = 0
        self._double_n = 0
        self._acked: dict[str, array[int]] = {}
        self._seen: dict[tuple[str, str], Seen] = {}
        self._until: dict[tuple[str, str], int] = {}
        self._serving: dict[str, tuple[str, int]] = {}
        self._episodes: dict[tuple[str, int], str] = {}

    def sent(self) -> None:
        """A message was given to a client."""
        self._sent_n += 1

    def acked(self, session: str, seq: int, seconds: float) -> None:
        """A message was acked, `seconds` after it was sent."""
        self._acked.setdefault(session, array("q")).append(seq)
        self.ack.add(seconds)

    def expect(self, receiver: str, session: str, after: int = 0) -> None:
        """From here on the receiver must get every message with a seq above `after`."""
        self._seen.setdefault((receiver, session), Seen(after, after, largest=after))
        self._until.pop((receiver, session), None)

    def leave(self, receiver: str, session: str, last_seq: int) -> None:
        """The receiver has left (transferred, closed): nothing above `last_seq` is owed to it."""
        self._until[receiver, session] = last_seq

    def delivered(
        self, receiver: str, session: str, seq: int, seconds: float | None = None
    ) -> None:
        """The receiver was shown the frame at `seq`, `seconds` after it was sent if that is known.

        Every journal frame may be reported; only messages with a known delay count as delivered
        for the latency.
        """
        seen = self._seen.setdefault((receiver, session), Seen())
        self._delivered_n += 1
        if seq in seen:
            self._duplicated_n += 1
            return
        if seq < seen.largest:
            self._out_of_order_n += 1
        seen.add(seq)
        if seconds is not None:
            self.deliver.add(seconds)

    def history(self, session: str, seqs: Iterable[int]) -> None:
        """Compare the stored history of a session with what was acked in it."""
        stored = set(seqs)
        self._missing_n += sum(seq not in stored for seq in self._acked.get(session, ()))

    def assigned(self, session: str, agent: str, seq: int, episode: int | None = None) -> None:
        """The agent was given the session by the event at `seq`; reported by any receivers, any
        number of times. `episode`: if known, it must have one agent only."""
        if episode is not None and self._episodes.setdefault((session, episode), agent) != agent:
            self._double_n += 1
        holder = self._serving.get(session)
        if holder is None:
            self._serving[session] = (agent, seq)
        elif seq > holder[1]:
            self._double_n += holder[0] != agent
            self._serving[session] = (agent, seq)
        elif seq == holder[1]:
            self._double_n += holder[0] != agent

    def released(self, session: str, seq: int) -> None:
        """The event at `seq` took the session from its agent (transferred, lost, closed)."""
        holder = self._serving.get(session)
        if holder is not None and seq > holder[1]:
            del self._serving[session]

    def merge(self, other: Checker) -> None:
        """Add what another process saw of other receivers, or of other sessions."""
        self.ack.merge(other.ack)
        self.deliver.merge(other.deliver)
        self._sent_n += other._sent_n
        self._delivered_n += other._delivered_n
        self._duplicated_n += other._duplicated_n
        self._out_of_order_n += other._out_of_order_n
        self._missing_n += other._missing_n
        self._double_n += other._double_n
        for session, seqs in other._acked.items():
            self._acked.setdefault(session, array("q")).extend(seqs)
        self._seen.update(other._seen)
        self._until.update(other._until)

    def owed(self) -> int:
        """Return how many acked messages have not reached a receiver yet: 0 is quiet."""
        return len(self.losses())

    def losses(self) -> list[tuple[str, str, int]]:
        """Return (receiver, session, seq) of each acked message that has not reached a receiver."""
        return [(*key, seq) for key, seen in self._seen.items() for seq in self._missed(key, seen)]

    def report(self) -> Report:
        """Return the verdict; call it when nothing more can arrive."""
        return Report(
            sent=self._sent_n,
            acked=sum(map(len, self._acked.values())),
            delivered=self._delivered_n,
            lost=self.owed(),
            duplicated=self._duplicated_n,
            out_of_order=self._out_of_order_n,
            missing_in_history=self._missing_n,
            double_assigned=self._double_n,
            ack_ms=self.ack.summary_ms(),
            deliver_ms=self.deliver.summary_ms(),
        )

    def _missed(self, key: tuple[str, str], seen: Seen) -> list[int]:
        until = self._until.get(key)
        return [
            seq
            for seq in self._acked.get(key[1], ())
            if seq not in seen and (until is None or seq <= until)
        ]
