"""How devices come and go: stories about `actors.session.attaching` and `room`."""

from __future__ import annotations

import msgspec
import pytest

from actors.addresses import Conn
from actors.config import BlacklistEntry
from actors.effects import Forget, Replay
from actors.frames import Detached, Event, Message, SessionFrame
from actors.messages import ConfigChanged, Detach, GatewayGone, Person
from actors.session.attaching import REPLAY_MAX
from actors.session.room import CONNS_MAX
from tests.support.machines import of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BEN,
    BEN_PC,
    CONFIG,
    CUSTOMER,
    LAPTOP,
    LEA,
    LEA_PC,
    ME,
    PHONE,
    Story,
    talking,
    with_queue,
)


def test_a_device_gets_the_snapshot_then_what_it_missed_then_what_is_live() -> None:
    story = talking()
    story.says(CUSTOMER, "hello")
    effects = story.attached(CUSTOMER, conn=LAPTOP, after=2)
    assert of(effects, Replay) == [Replay(LAPTOP, 2, 4)]
    story.says(ANN, "hi")
    snapshot, *frames = story.received[LAPTOP]
    assert isinstance(snapshot, SessionFrame)
    assert (snapshot.seq, snapshot.from_seq, snapshot.reset) == (4, 2, False)
    assert [f.seq for f in frames if isinstance(f, Message | Event)] == [3, 4, 5]


def test_attaching_again_starts_again() -> None:
    story = talking()
    first, again = (story.attached(CUSTOMER, conn=LAPTOP, after=1) for _ in range(2))
    assert first == again
    story.says(ANN, "hi")
    assert len(story.frames(LAPTOP, Message)) == 1


def test_a_device_that_has_everything_gets_only_the_snapshot() -> None:
    story = talking()
    assert not of(story.attached(CUSTOMER, conn=LAPTOP, after=3), Replay)


def test_a_cursor_ahead_of_the_session_is_reset() -> None:
    story = talking()
    effects = story.attached(CUSTOMER, conn=LAPTOP, after=99)
    snapshot = story.frames(LAPTOP, SessionFrame)[-1]
    assert (snapshot.reset, snapshot.from_seq) == (True, 0)
    assert of(effects, Replay) == [Replay(LAPTOP, 0, 3)]


def test_a_device_that_missed_too_much_is_reset() -> None:
    story = talking()
    for number in range(REPLAY_MAX):
        story.says(CUSTOMER, str(number))
    seq = len(story.store.tracks["main"])
    story.attached(CUSTOMER, conn=LAPTOP, after=2)
    snapshot = story.frames(LAPTOP, SessionFrame)[-1]
    assert (snapshot.reset, snapshot.from_seq) == (True, seq - REPLAY_MAX)
    assert len(story.frames(LAPTOP)) == REPLAY_MAX + 1


def test_staff_sees_both_tracks_and_the_customer_one() -> None:
    story = talking()
    story.says(ANN, "note", aside=True)
    story.attached(CUSTOMER, conn=LAPTOP)
    story.attached(LEA, watch=True)
    assert story.frames(LAPTOP, SessionFrame)[-1].aside_seq == 0
    assert not [f for f in story.frames(LAPTOP, Message) if f.aside]
    snapshot = story.frames(LEA_PC, SessionFrame)[-1]
    assert (snapshot.you, snapshot.aside_seq, snapshot.vip) == ("watching", 1, 2)
    assert [f.aside for f in story.frames(LEA_PC, Message)] == [True]


def test_the_snapshot_names_the_agent_and_the_customer() -> None:
    story = talking()
    snapshot = story.frames(ANN_PC, SessionFrame)[-1]
    assert (snapshot.agent, snapshot.customer, snapshot.you) == (ANN, CUSTOMER, "serving")


@pytest.mark.parametrize(
    ("person", "watch"),
    [
        (BEN, False),
        (BEN, True),
        (LEA, False),
        (Person(id="mallory", role="customer"), False),
        (Person(id="carol", role="agent"), False),
    ],
)
def test_strangers_are_not_let_in(person: Person, watch: bool) -> None:
    story = talking()
    story.attached(person, conn=BEN_PC, watch=watch)
    assert story.refusals() == ["not_your_session"]
    story.says(CUSTOMER, "secret")
    assert story.frames(BEN_PC) == []


def test_the_twenty_first_device_is_refused() -> None:
    story = Story()
    story.opens()
    for number in range(CONNS_MAX - 1):
        story.attached(CUSTOMER, conn=Conn("g9", number))
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.refusals(LAPTOP) == ["session_full"]
    story.send(Detach(conn=PHONE))
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.frames(LAPTOP)


def test_a_device_that_left_hears_no_more() -> None:
    story = talking()
    story.send(Detach(conn=ANN_PC))
    heard = len(story.frames(ANN_PC))
    story.says(CUSTOMER, "hello?")
    assert len(story.frames(ANN_PC)) == heard


def test_a_dead_gateway_takes_its_devices_along() -> None:
    story = talking()
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.machine.gateways() == {"g1", "g2"}
    story.send(GatewayGone(gateway="g1"))
    assert story.machine.gateways() == {"g2"}


def test_a_customer_barred_meanwhile_is_not_resumed() -> None:
    story = talking()
    barred = msgspec.structs.replace(
        CONFIG, blacklist=[BlacklistEntry(kind="device", value="d1", scope="human")]
    )
    story.send(ConfigChanged(config=barred))
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.refusals(LAPTOP) == ["blacklisted"]
    assert story.machine.summary()["reason"] == "blacklisted"


@pytest.mark.parametrize("wait_s", [0, 60])
def test_a_customer_who_comes_back_after_the_end_is_freed_again(wait_s: float) -> None:
    story = talking()
    assert not of(story.attached(CUSTOMER), Forget)
    story.ends(CUSTOMER)
    story.advance(wait_s)
    story.crash()
    assert of(story.attached(CUSTOMER), Forget) == [Forget("carol", ME.id)]


@pytest.mark.parametrize("missed", [0, 2])
def test_who_served_last_gets_the_end_that_a_dead_host_could_not_show(missed: int) -> None:
    story = talking(with_queue("sales", wrap_up_s=0))
    story.says(CUSTOMER, "that was all, thank you")
    story.ends(CUSTOMER)
    story.crash()
    last = len(story.store.tracks["main"])
    heard = len(story.frames(ANN_PC))
    story.attached(ANN, after=last - missed)
    snapshot, *frames, detached = story.frames(ANN_PC)[heard:]
    assert isinstance(snapshot, SessionFrame)
    assert (snapshot.you, snapshot.state, snapshot.seq) == ("none", "closed", last)
    assert [f.seq for f in frames] == list(range(last - missed + 1, last + 1))
    assert detached == Detached(session=ME.id, reason="closed")
    assert story.machine.gateways() == set()


def test_a_closed_session_shows_its_past_to_its_customer_and_to_leaders() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.advance(60)
    story.crash()
    story.attached(CUSTOMER, conn=LAPTOP)
    story.attached(LEA, watch=True)
    story.attached(ANN)
    assert story.frames(LAPTOP, SessionFrame)[-1].state == "closed"
    assert story.frames(LEA_PC, SessionFrame)[-1].session == ME.id
    assert story.refusals() == ["session_closed"]
