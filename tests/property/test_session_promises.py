"""M2, M3, M6, M7, M9 under random commands, repeats, stale episodes and crashes."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from actors.acts import Act, decode_act
from actors.addresses import Conn
from actors.effects import Deliver, Effect, Journal, Put, Record, Refuse, Replay, Tell
from actors.frames import Ack, Detached, Event, Message
from actors.messages import (
    AgentLost,
    Assign,
    Attach,
    CancelTransfer,
    Command,
    CompleteTransfer,
    ContactOffered,
    Detach,
    EndSession,
    EnqueueRefused,
    FinishWrapUp,
    GatewayGone,
    Join,
    LeaveSession,
    MarkReceipt,
    OfferLapsed,
    Overflowed,
    PositionChanged,
    QueueTimedOut,
    Rate,
    Recall,
    Release,
    Say,
    SessionJoined,
    SessionLeft,
    TakeOver,
    Transfer,
    Typing,
)
from tests.support.machines import FakeContext
from tests.support.sessions import ANN, BEN, BOT, CUSTOMER, DESK, LEA, ME, Story, text

PEOPLE = st.sampled_from([CUSTOMER, ANN, BEN, BOT, LEA])
IDS = st.sampled_from([f"i{n}" for n in range(12)])
BACK = st.sampled_from([0, 0, 0, 1, 2])
"""How many episodes ago: stale words are part of life."""
OFFERS = st.sampled_from(["o1", "o2", "o3"])
AGENTS = st.sampled_from(["ann", "ben", "bot", "lea", "nobody"])
QUEUES = st.sampled_from(["sales", "support", "front", "moon"])


def personal(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """A command of somebody, from that person's own desk, under one of few client ids."""

    def make(person: Any, client_id: str, values: dict[str, Any]) -> Command:
        ids = {"client_id": client_id} if "client_id" in kind.__struct_fields__ else {}
        command: Command = kind(conn=DESK[person.id], person=person, **ids, **values)
        return command

    return st.builds(make, PEOPLE, IDS, st.fixed_dictionaries(fields))


SAY = personal(
    Say, body=st.sampled_from([text("a"), text("b")]), aside=st.sampled_from([False] * 3 + [True])
)
TALK = st.one_of(
    personal(Recall, seq=st.integers(0, 30)),
    personal(MarkReceipt, delivered=st.integers(0, 40), read=st.integers(0, 40)),
    personal(Typing),
    personal(Rate, score=st.integers(0, 6)),
)
STEER = st.one_of(
    personal(
        Transfer,
        agent=st.sampled_from(["", "", "ben", "ann"]),
        queue=st.sampled_from(["", "", "support", "front"]),
        warm=st.booleans(),
    ),
    personal(CompleteTransfer),
    personal(CancelTransfer),
    personal(Join),
    personal(LeaveSession),
    personal(TakeOver),
    personal(FinishWrapUp),
)
TRANSFERS = st.sampled_from(
    [
        {"queue": "support"},
        {"queue": "front", "warm": True},
        {"agent": "ben"},
        {"agent": "ann", "warm": True},
        {"agent": "ben", "warm": True},
    ]
)
ROUTE = st.one_of(
    st.builds(EnqueueRefused, episode=BACK, reason=st.sampled_from(["queue_full", "x"])),
    st.builds(QueueTimedOut, episode=BACK),
    st.builds(Overflowed, episode=BACK, to=QUEUES),
    st.builds(PositionChanged, episode=BACK, position=st.just(1), eta_s=st.just(5.0)),
    st.builds(ContactOffered, episode=BACK, offer=OFFERS, agent=AGENTS),
    st.builds(
        OfferLapsed,
        episode=BACK,
        offer=OFFERS,
        outcome=st.sampled_from(["declined", "missed", "withdrawn", "failed"]),
    ),
    st.builds(
        Assign,
        episode=BACK,
        offer=OFFERS,
        agent=AGENTS,
        purpose=st.sampled_from(["serve", "transfer", "consult"]),
    ),
    st.builds(AgentLost, agent=AGENTS, session=st.just(ME.id), episode=BACK),
)


def without_ids(data: bytes) -> Act:
    """An act but for what is freshly numbered: itself and the message that it names."""
    act = decode_act(data)
    after = {key: "" if key == "message" else value for key, value in (act.after or {}).items()}
    return msgspec.structs.replace(act, id="", after=after)


def only_watched(act: Act) -> bool:
    """Whether it is about a device that followed the session: a twin cannot know of it."""
    joined = (act.before or {}).get("joined", [])
    return act.action in {"watch", "leave"} and act.actor not in joined


def plain(effects: list[Effect], *, told: bool) -> list[Effect | Act]:
    """What two machines that know the same must agree on: all but fresh ids, records (put when
    the turn settles), and what depends on the sockets (`told`: no person asked, so that a refusal
    goes to whoever listens)."""
    kept: list[Effect | Act] = []
    for effect in effects:
        match effect:
            case Journal(frame, track):
                kept.append(Journal(msgspec.structs.replace(frame, id=""), track))
            case Record("act", data):
                act = without_ids(data)
                if not only_watched(act):
                    kept.append(act)
            case Deliver() | Replay() | Put():
                pass
            case Refuse() if told:
                pass
            case _:
                kept.append(effect)
    return kept


class Promises(RuleBasedStateMachine):
    """One session, many hands."""

    sent: Bundle[Command] = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.story.opens()
        self.acks: dict[tuple[str, str], Ack] = {}
        self.receipts: dict[str, tuple[int, int]] = {}
        self.devices = 0

    # --- what happens ----------------------------------------------------------------------

    def happens(self, command: Command) -> list[Effect]:
        """Run it here and in a twin restored from the store: both must do the same."""
        twin, now = self.story.restored(), self.story.ctx.now
        twin.recovered(self.story.ctx)
        theirs = twin.handle(command, FakeContext(now))
        ours = self.story.send(command)
        told = not hasattr(command, "person")
        assert plain(theirs, told=told) == plain(ours, told=told)
        self.watch(command, ours)
        return ours

    def watch(self, command: Command, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Deliver) and isinstance(effect.frame, Ack):
                self.acked(command, effect.frame)

    def acked(self, command: Command, ack: Ack) -> None:
        person = getattr(command, "person", None)
        if ack.seq and person is not None:
            first = self.acks.setdefault((person.id, ack.client_id), ack)
            assert first == ack, "M2: one id, one ack"

    def moves_forward(self, side: str, delivered: int, read: int) -> None:
        """M6, and never beyond the last frame."""
        before = self.receipts.get(side, (0, 0))
        assert delivered >= before[0]
        assert read >= before[1]
        assert read <= delivered <= len(self.story.store.tracks["main"])
        self.receipts[side] = (delivered, read)

    @rule(target=sent, command=SAY)
    def somebody_speaks(self, command: Command) -> Command:
        self.happens(command)
        return command

    @rule(target=sent, command=SAY)
    def somebody_answers(self, command: Command) -> Command:
        self.happens(command)
        return command

    @rule(target=sent, command=TALK)
    def somebody_recalls_rates_or_reads(self, command: Command) -> Command:
        self.happens(command)
        return command

    @rule(target=sent, command=STEER)
    def somebody_steers(self, command: Command) -> Command:
        self.happens(command)
        return command

    @rule(target=sent, client_id=IDS, fields=TRANSFERS)
    def the_serving_agent_transfers(self, client_id: str, fields: dict[str, Any]) -> Command:
        agent = str(self.story.machine.summary()["agent"])
        person = {"ben": BEN, "bot": BOT, "lea": LEA}.get(agent, ANN)
        command = Transfer(conn=DESK[person.id], person=person, client_id=client_id, **fields)
        self.happens(command)
        return command

    @rule(target=sent, command=ROUTE)
    def routing_speaks(self, command: Any) -> Command:
        episode = max(0, self.story.episode - command.episode)
        now: Command = msgspec.structs.replace(command, episode=episode)
        self.happens(now)
        return now

    @rule(command=sent)
    def it_arrives_again(self, command: Command) -> None:
        """A repeat of an acked command has no second effect."""
        person, client_id = getattr(command, "person", None), getattr(command, "client_id", "")
        known = person is not None and (person.id, client_id) in self.acks
        effects = self.happens(command)
        if known and client_id:
            assert all(isinstance(e, Deliver | Refuse) for e in effects)
            assert len(effects) == 1

    @rule(command=consumes(sent))
    def it_arrives_twice_in_one_turn(self, command: Command) -> None:
        self.watch(command, self.story.send(command, command))

    @rule(agent=st.sampled_from(["ann", "ann", "ben", "bot", "lea"]))
    def an_offer_is_accepted(self, agent: str) -> None:
        self.story.assigned(agent)

    @rule(person=PEOPLE, after=st.integers(0, 50), watch=st.booleans())
    def a_device_attaches(self, person: Any, after: int, watch: bool) -> None:
        self.devices += 1
        conn = Conn(f"g{self.devices % 3}", 100 + self.devices)
        self.happens(Attach(conn=conn, person=person, after=after, watch=watch))

    @rule(person=PEOPLE)
    def a_desk_attaches(self, person: Any) -> None:
        self.happens(Attach(conn=DESK[person.id], person=person))

    @rule(
        loss=st.one_of(
            st.builds(Detach, conn=st.sampled_from(list(DESK.values()))),
            st.builds(GatewayGone, gateway=st.sampled_from(["g0", "g1", "g2"])),
        )
    )
    def devices_are_gone(self, loss: Command) -> None:
        self.happens(loss)

    @rule(seconds=st.sampled_from([0.5, 30, 61, 121]))
    def time_passes(self, seconds: float) -> None:
        self.story.advance(seconds)

    @rule(person=PEOPLE, sure=st.sampled_from([False, False, False, True]))
    def it_ends(self, person: Any, sure: bool) -> None:
        if sure:
            self.happens(EndSession(conn=DESK[person.id], person=person, client_id="end"))

    @rule()
    def the_shard_dies(self) -> None:
        self.story.crash()

    # --- what holds ------------------------------------------------------------------------

    @invariant()
    def a_second_machine_knows_the_same(self) -> None:
        assert self.story.restored().summary() == self.story.machine.summary()
        assert self.story.restored().live() == self.story.machine.live()

    @invariant()
    def one_id_is_one_message(self) -> None:
        for track in ("main", "aside"):
            frames = self.story.store.frames(track)
            assert [f.seq for f in frames] == list(range(1, len(frames) + 1)), "M3"
        everything = self.story.store.frames("main") + self.story.store.frames("aside")
        keys = [(f.from_.id, f.client_id) for f in everything if isinstance(f, Message)]
        assert len(keys) == len(set(keys)), "M2"

    @invariant()
    def one_agent_serves(self) -> None:
        """M7: whoever joined and has not left is the serving agent or the consultant."""
        seats: dict[tuple[str, int], str] = {}
        for effect in self.story.effects:
            if not isinstance(effect, Tell):
                continue
            match effect.command:
                case SessionJoined(episode=episode, as_=as_):
                    seats[effect.to.id, episode] = as_
                case SessionLeft(episode=episode):
                    seats.pop((effect.to.id, episode), None)
        assert sorted(seats.values()) in ([], ["serving"], ["consulting", "serving"])
        summary = self.story.machine.summary()
        if seats:
            (serving,) = [agent for (agent, _), as_ in seats.items() if as_ == "serving"]
            assert serving == summary["agent"]

    @invariant()
    def every_unit_is_given_back_once(self) -> None:
        given = [(c.episode, c.agent) for c in self.story.told(Release)]
        assert len(given) == len(set(given))
        if not self.story.machine.live():
            joined = {
                (e.command.episode, e.to.id)
                for e in self.story.effects
                if isinstance(e, Tell) and isinstance(e.command, SessionJoined)
            }
            left = {
                (e.command.episode, e.to.id)
                for e in self.story.effects
                if isinstance(e, Tell) and isinstance(e.command, SessionLeft)
            }
            assert joined == left

    @invariant()
    def the_customer_never_sees_an_aside(self) -> None:
        for frame in self.story.received.get(DESK["carol"], []):
            assert not (isinstance(frame, Message | Event) and frame.aside)

    @invariant()
    def receipts_only_move_forward(self) -> None:
        receipts = self.story.machine._state.receipts
        for side, mark in (("customer", receipts.customer), ("agent", receipts.agent)):
            self.moves_forward(side, mark.delivered, mark.read)

    @invariant()
    def every_socket_sees_one_order(self) -> None:
        """M3, M5: between two snapshots a socket's numbers rise by one; nothing after Detached."""
        for frames in self.story.received.values():
            last: dict[bool, int] = {}
            for frame in frames:
                if isinstance(frame, Message | Event):
                    before = last.get(frame.aside)
                    assert before is None or frame.seq == before + 1
                    last[frame.aside] = frame.seq
                elif type(frame).__name__ == "SessionFrame":
                    last = {}
                elif isinstance(frame, Detached):
                    last = {False: -9, True: -9}


Promises.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestPromises = Promises.TestCase
