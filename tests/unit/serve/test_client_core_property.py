"""Whatever the network does, a device shows each message once and in order, and each command is
done and answered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.frames import Ack, Error, Message, SessionFrame, Welcome, encode_frame
from actors.messages import Body, Person
from serve import wire
from serve.client.backoff import Backoff
from serve.client.core import Core
from serve.client.options import Options
from serve.client.unacked import Acked

ME = Person(id="c1", role="customer")
PEER = Person(id="a1", role="agent")


class WireDouble:
    """The server's side of the wire: one session, its log, and what is in flight to the client."""

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.acks: dict[str, Ack] = {}
        self.to_client: list[bytes] = []
        self.overloaded_n = 0

    def append(self, person: Person, client_id: str) -> Message:
        seq = len(self.log) + 1
        frame = Message(
            session="s",
            seq=seq,
            id=str(seq),
            from_=person,
            at=0.0,
            client_id=client_id,
            body=Body(kind="text", text=client_id),
        )
        self.log.append(frame)
        return frame

    def live(self, person: Person, client_id: str) -> None:
        self.to_client.append(encode_frame(self.append(person, client_id)))

    def receive(self, data: bytes) -> None:
        frame = wire.decode_frame(data)
        if isinstance(frame, wire.Hello):
            self.resume(frame.cursors.get("s", wire.Cursor()).seq)
        elif isinstance(frame, wire.SayFrame):
            self.say(frame)

    def resume(self, after: int) -> None:
        self.to_client.append(encode_frame(Welcome(you=ME, org="o", session="s")))
        snapshot = SessionFrame(
            session="s",
            state="talking",
            customer=ME,
            queue="q",
            seq=len(self.log),
            from_seq=after,
            you="customer",
        )
        self.to_client.append(encode_frame(snapshot))
        self.to_client += [encode_frame(frame) for frame in self.log[after:]]

    def say(self, frame: wire.SayFrame) -> None:
        known = self.acks.get(frame.client_id)
        if known is None and self.overloaded_n:
            self.overloaded_n -= 1
            busy = Error(code="overloaded", detail="", client_id=frame.client_id, retry_s=0.5)
            self.to_client.append(encode_frame(busy))
            return
        if known is None:
            message = self.append(ME, frame.client_id)
            known = Ack(client_id=frame.client_id, session="s", seq=message.seq, id=message.id)
            self.acks[frame.client_id] = known
            self.to_client.append(encode_frame(message))
        self.to_client.append(encode_frame(known))


class Story:
    """A device and its server, moved step by step."""

    def __init__(self, events_n: int = 10_000) -> None:
        options = Options(backoff=Backoff(0.1, 1.0), ack_timeout_s=2.0, events_n=events_n)
        self.core = Core(options, dice=lambda: 0.5, name="x")
        self.server = WireDouble()
        self.now = 0.0
        self.online = False
        self.seen: list[int] = []
        self.outcomes: list[Any] = []
        self.said: list[str] = []
        self.connect()

    def connect(self) -> None:
        if not self.online:
            self.core.opened("token", self.now)
            self.online = True

    def say(self) -> None:
        client_id = self.core.new_client_id()
        body = wire.WireBody(kind="text", text=client_id)
        frame = wire.SayFrame(session="s", client_id=client_id, body=body)
        self.core.command(frame, self.now)
        self.said.append(client_id)

    def peer_says(self) -> None:
        if self.online and self.core.welcome:
            self.server.live(PEER, f"p{len(self.server.log)}")
        else:
            self.server.append(PEER, f"p{len(self.server.log)}")

    def deliver_up(self, count: int = 10**6) -> None:
        moving, self.core.outbox = self.core.outbox[:count], self.core.outbox[count:]
        if self.online:
            for data in moving:
                self.server.receive(data)

    def deliver_down(self, count: int = 10**6, *, batch: bool = False) -> None:
        moving, self.server.to_client = self.server.to_client[:count], self.server.to_client[count:]
        for data in [b"[" + b",".join(moving) + b"]"] if batch and moving else moving:
            if self.online:
                self.core.received(data, self.now)
        self.drain()

    def repeat_down(self) -> None:
        self.server.to_client += [encode_frame(frame) for frame in self.server.log[-3:]]

    def lose_one_down(self) -> None:
        """A server that skips a frame: the client must notice, not go on."""
        if len(self.server.to_client) > 2:
            del self.server.to_client[-1]

    def disconnect(self) -> None:
        if self.online:
            self.online = False
            self.server.to_client.clear()
            self.core.lost("cut", self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.online:
            self.core.tick(self.now)
        self.drain()

    def be_overloaded(self) -> None:
        self.server.overloaded_n += 2

    def drain(self) -> None:
        while (event := self.core.pop_event()) is not None:
            if isinstance(event, Message):
                self.seen.append(event.seq)
        self.outcomes += self.core.settled
        self.core.settled = []
        if self.core.hang_up:
            self.disconnect()
            self.core.hang_up = ""

    def settle(self) -> None:
        """The network heals: everything arrives."""
        for _ in range(200):
            self.connect()
            self.deliver_up()
            self.deliver_down()
            self.pass_time(1.0)
        self.drain()


STEPS: dict[str, Callable[[Story], None]] = {
    "connect": Story.connect,
    "disconnect": Story.disconnect,
    "say": Story.say,
    "peer": Story.peer_says,
    "up": Story.deliver_up,
    "up1": lambda story: story.deliver_up(1),
    "down": Story.deliver_down,
    "down1": lambda story: story.deliver_down(1),
    "batch": lambda story: story.deliver_down(batch=True),
    "repeat": Story.repeat_down,
    "skip": Story.lose_one_down,
    "wait": lambda story: story.pass_time(1.1),
    "busy": Story.be_overloaded,
}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=60), st.sampled_from([3, 10_000]))
def test_each_message_is_shown_once_in_order_and_each_command_done_once(
    steps: list[str], events_n: int
) -> None:
    story = Story(events_n)
    for step in steps:
        STEPS[step](story)
    story.settle()

    assert story.seen == [frame.seq for frame in story.server.log]
    acked = [outcome.client_id for outcome in story.outcomes if isinstance(outcome, Acked)]
    assert sorted(acked) == sorted(story.said) == sorted(story.server.acks)
    assert len(story.outcomes) == len(story.said)


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True), st.floats(0.01, 2), st.floats(2, 60))
def test_a_wait_never_leaves_its_interval(
    attempt: int, dice: float, base: float, cap: float
) -> None:
    wait = Backoff(base, cap).delay_s(attempt, dice)
    assert 0 <= wait <= min(cap, base * 2.0 ** min(attempt, 30))


def test_the_client_sends_only_what_the_wire_allows() -> None:
    story = Story()
    story.say()
    sent = [msgspec.json.decode(data)["t"] for data in story.core.outbox]
    assert sent == ["hello"]  # nothing before the welcome
    story.deliver_up()
    story.deliver_down()
    assert [msgspec.json.decode(data)["t"] for data in story.core.outbox] == ["say"]
