"""One command's run through a session: the state, the lent context, and the effects so far."""

from __future__ import annotations

from typing import Protocol

from actors.acts import TABLE, Act, Source, encode_act
from actors.addresses import Address, Conn
from actors.effects import Count, Deliver, Effect, Journal, Record, Refuse, Replay, Tell
from actors.frames import Ack, ErrorCode, Event, SoftFrame
from actors.machine import Context
from actors.messages import Command, Person
from actors.ports import Track
from actors.session.state import State


class Asked(Protocol):
    """A person's command."""

    @property
    def conn(self) -> Conn: ...

    @property
    def person(self) -> Person: ...


Seen = dict[str, str | list[str]] | None
"""How a session stood before an act, and after."""


class Turn:
    """Collects effects in the order in which they must be seen."""

    __slots__ = ("ctx", "out", "s")

    def __init__(self, s: State, ctx: Context) -> None:
        self.s = s
        self.ctx = ctx
        self.out: list[Effect] = []

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.ctx.now

    def event(
        self,
        kind: str,
        *,
        by: Person | None = None,
        asked: Asked | None = None,
        aside: bool = False,
        agent: Person | str = "",
        queue: str = "",
        reason: str = "",
        note: str = "",
        of: int = 0,
        score: int = 0,
    ) -> Event:
        """Journal an event and deliver it to whoever may see its track. `asked` is the command
        that caused it: it is named in the event, and acked."""
        timeline = self.s.timeline
        client_id = "" if asked is None else getattr(asked, "client_id", "")
        event = Event(
            session=timeline.session,
            seq=(timeline.aside_seq if aside else timeline.seq) + 1,
            id=self.ctx.new_id(),
            at=self.ctx.now,
            kind=kind,
            by=by or (asked.person if asked else None),
            agent=agent if isinstance(agent, str) else agent.id,
            agent_name="" if isinstance(agent, str) else agent.name,
            queue=queue,
            reason=reason,
            note=note,
            of=of,
            score=score,
            client_id=client_id,
            aside=aside,
        )
        timeline.add_event(event)
        track: Track = "aside" if aside else "main"
        self.out.append(Journal(event, track))
        if asked is not None and client_id:
            self.soft(timeline.ack_of(event), asked.conn)
        conns = self.s.room.staff if aside else self.s.room.everyone
        if conns:
            self.out.append(Deliver(conns, event, track))
        return event

    def act(self, action: str, asked: Asked, before: Seen, after: Seen) -> None:
        """Record an act of supervision, with what it did."""
        source = getattr(asked, "source", None) or Source()
        act = Act(
            id=self.ctx.new_id(),
            at=self.ctx.now,
            action=action,
            resource="sessions",
            row=self.s.address.id,
            actor=asked.person.id,
            role=asked.person.role,
            source=source,
            before=before,
            after=after,
        )
        self.out.append(Record(TABLE, encode_act(act)))

    def acked(self, asked: Asked) -> None:
        """Ack a command that had nothing left to do."""
        client_id = getattr(asked, "client_id", "")
        if client_id:
            self.soft(Ack(client_id=client_id, session=self.s.timeline.session), asked.conn)

    def soft(self, frame: SoftFrame, *conns: Conn) -> None:
        """Deliver a soft frame to these sockets."""
        if conns:
            self.out.append(Deliver(conns, frame))

    def replay(self, conn: Conn, after: int, upto: int, track: Track) -> None:
        """Send one socket the frames it missed on a track, if any."""
        if after < upto:
            self.out.append(Replay(conn, after, upto, track))

    def refuse(self, asked: Asked, code: ErrorCode, detail: str) -> None:
        """Answer the command with an error."""
        self.out.append(Refuse(asked.conn, code, detail, getattr(asked, "client_id", "")))

    def tell_queue(self, queue: str, command: Command) -> None:
        """Tell a queue of this organisation."""
        self.out.append(Tell(Address("queue", self.s.address.org, queue), command))

    def tell_dispatch(self, command: Command) -> None:
        """Tell this organisation's dispatch."""
        self.out.append(Tell(Address("dispatch", self.s.address.org, "main"), command))

    def tell_agent(self, agent: str, command: Command) -> None:
        """Tell an agent of this organisation."""
        self.out.append(Tell(Address("agent", self.s.address.org, agent), command))

    def count(self, name: str, label: str = "") -> None:
        """Count one."""
        self.out.append(Count(name, 1.0, label))
