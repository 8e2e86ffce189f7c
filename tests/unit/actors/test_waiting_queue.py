"""One queue: limits, order, positions, time limits, overflow, repeats."""

import msgspec
import pytest

from actors.addresses import Address
from actors.config import AgentConfig, HoursConfig, OrgConfig, QueueConfig
from actors.effects import Count
from actors.messages import (
    Announce,
    ConfigChanged,
    Contact,
    ContactGone,
    ContactTaken,
    ContactWaiting,
    Customer,
    Enqueue,
    EnqueueRefused,
    LeaveQueue,
    Overflowed,
    PositionChanged,
    QueueTimedOut,
    StaffChanged,
)
from actors.waiting import Queue
from tests.support.machines import START, Rig, of


def org(**settings):
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={
            "q": QueueConfig(id="q", name="q", **settings),
            "other": QueueConfig(id="other", name="other"),
        },
        agents={"ann": AgentConfig(id="ann", name="Ann")},
    )


def queue(**settings):
    return Rig(Queue, Address("queue", "acme", "q"), org(**settings))


def enqueue(session="1", episode=1, age=0.0, **contact):
    return Enqueue(
        contact=Contact(
            session=session,
            episode=episode,
            queue="q",
            customer=Customer(id=f"c{session}"),
            arrived_at=START - age,
            **contact,
        )
    )


def taken(session, episode=1):
    return ContactTaken(session=session, episode=episode, agent="ann")


def positions(rig):
    return {
        e.to.id: e.command.position
        for e in rig.effects
        if isinstance(getattr(e, "command", None), PositionChanged)
    }


def test_a_contact_is_told_to_dispatch_with_its_virtual_age():
    rig = queue(priority_points=1.0)
    rig.send(enqueue(priority_points=2.0))
    assert [told.virtual_at for told in rig.told(ContactWaiting)] == [START - 180.0]


def test_a_repeated_enqueue_changes_nothing_and_a_later_episode_replaces():
    rig = queue()
    rig.send(enqueue(), enqueue(), enqueue(episode=2), enqueue(episode=1))
    assert [told.contact.episode for told in rig.told(ContactWaiting)] == [1, 2]
    assert rig.machine.summary()["length"] == 1


@pytest.mark.parametrize("end", [LeaveQueue(session="1", episode=1), taken("1")])
def test_a_late_enqueue_does_not_bring_back_who_left(end):
    rig = queue()
    rig.send(enqueue())
    rig.send(end)
    rig.send(enqueue())
    assert rig.machine.summary()["length"] == 0
    assert len(rig.told(ContactWaiting)) == 1


@pytest.mark.parametrize("abandoned", [True, False])
def test_dispatch_hears_whether_the_customer_left_for_good(abandoned):
    rig = queue()
    rig.send(enqueue(), LeaveQueue(session="1", episode=1, abandoned=abandoned))
    assert rig.told(ContactGone) == [ContactGone(session="1", episode=1, abandoned=abandoned)]


def test_a_fifth_of_the_limit_is_kept_for_those_who_come_again():
    rig = queue(limit=5)
    rig.send(*[enqueue(str(n)) for n in range(5)])
    assert [refused.reason for refused in rig.told(EnqueueRefused)] == ["queue_full"]
    rig.send(enqueue("6", requeued=True), enqueue("7", requeued=True))
    assert len(rig.told(EnqueueRefused)) == 2
    assert rig.machine.summary()["length"] == 5


def test_an_unknown_queue_refuses():
    rig = Rig(Queue, Address("queue", "acme", "nowhere"), org())
    rig.send(enqueue())
    assert [refused.reason for refused in rig.told(EnqueueRefused)] == ["unknown_queue"]
    assert not rig.machine.live()


def test_positions_follow_the_order_of_service_and_are_pushed_when_they_change():
    rig = queue()
    rig.send(enqueue("young"), enqueue("old", age=60), enqueue("vip", priority_points=2.0))
    assert positions(rig) == {"vip": 1, "old": 2, "young": 3}
    rig.send(taken("vip"))
    rig.advance(1)
    assert positions(rig) == {"vip": 1, "old": 1, "young": 2}


def test_numbers_that_do_not_change_are_not_pushed_again_and_pushes_are_a_second_apart():
    rig = queue()
    rig.send(enqueue("1"))
    rig.send(enqueue("2"))
    assert positions(rig) == {"1": 1}
    rig.advance(1)
    assert positions(rig) == {"1": 1, "2": 2}
    rig.advance(30)
    assert len(rig.told(PositionChanged)) == 2


def test_the_estimated_wait_is_the_position_times_the_mean_interval_between_served():
    rig = queue()
    rig.send(*[enqueue(str(n), age=9 - n) for n in range(4)])
    rig.send(taken("0"))
    rig.advance(20)
    rig.send(taken("1"))
    rig.advance(1)
    last = {
        e.to.id: e.command.eta_s
        for e in rig.effects
        if isinstance(getattr(e, "command", None), PositionChanged)
    }
    assert (last["2"], last["3"]) == (20.0, 40.0)


def test_a_contact_that_waited_too_long_is_closed_and_taken_from_dispatch():
    rig = queue(timeout_s=60.0)
    rig.send(enqueue(age=10))
    rig.advance(49)
    assert rig.told(QueueTimedOut) == []
    rig.advance(2)
    assert len(rig.told(QueueTimedOut)) == len(rig.told(ContactGone)) == 1
    assert not rig.store.records


def test_who_was_served_before_gets_the_whole_time_limit():
    rig = queue(timeout_s=60.0)
    rig.send(enqueue(age=1000, requeued=True))
    rig.advance(59)
    assert rig.told(QueueTimedOut) == []


def test_a_contact_overflows_after_its_time():
    rig = queue(overflow_to="other", overflow_after_s=30.0)
    rig.send(enqueue(), enqueue("2", agent="ann"))
    rig.advance(31)
    assert [(o.episode, o.to) for o in rig.told(Overflowed)] == [(1, "other")]
    assert rig.machine.summary()["length"] == 1


def test_an_unstaffed_queue_lets_everybody_move_on_at_once():
    rig = queue(overflow_to="other", overflow_unstaffed=True)
    rig.send(enqueue("1"))
    rig.send(StaffChanged(staffed=False))
    rig.crash()
    rig.send(enqueue("2"))
    assert len(rig.told(Overflowed)) == 2
    assert len(rig.told(ContactWaiting)) == len(rig.told(ContactGone)) == 1
    rig.send(StaffChanged(staffed=True), enqueue("3"))
    assert len(rig.told(Overflowed)) == 2


def test_two_unstaffed_queues_that_overflow_into_each_other_keep_who_waits():
    config = org(overflow_to="other", overflow_unstaffed=True)
    back = QueueConfig(id="other", name="other", overflow_to="q", overflow_unstaffed=True)
    config = msgspec.structs.replace(config, queues={**config.queues, "other": back})
    rig = Rig(Queue, Address("queue", "acme", "q"), config)
    rig.send(StaffChanged(staffed=False), enqueue())
    assert rig.told(Overflowed) == []


def test_after_a_crash_the_line_is_told_again_when_dispatch_asks():
    rig = queue()
    rig.send(enqueue("1"), enqueue("2", age=5))
    rig.crash()
    rig.send(Announce())
    sessions = [told.contact.session for told in rig.told(ContactWaiting)]
    assert sessions == ["1", "2", "2", "1"]


def test_a_queue_that_is_deleted_refuses_whoever_waits():
    rig = queue()
    rig.send(enqueue())
    rig.send(ConfigChanged(config=msgspec.structs.replace(org(), queues={})))
    assert [refused.reason for refused in rig.told(EnqueueRefused)] == ["unknown_queue"]
    assert len(rig.told(ContactGone)) == 1


def test_new_priority_points_are_told_to_dispatch():
    rig = queue()
    rig.send(enqueue())
    rig.send(ConfigChanged(config=org(priority_points=1.0)))
    assert [told.virtual_at for told in rig.told(ContactWaiting)] == [START, START - 60]


def test_the_service_level_counts_who_was_answered_in_time():
    rig = queue(service_level_s=20.0)
    rig.send(enqueue("1"), enqueue("2", age=30))
    rig.send(taken("1"), taken("2"))
    assert rig.machine.summary()["service_level"] == 0.5
    waits = [e.value for e in of(rig.effects, Count) if e.name == "answer_seconds"]
    assert waits == [0.0, 30.0]


def test_a_contact_that_was_over_already_leaves_uncounted():
    rig = queue()
    rig.send(enqueue())
    rig.send(ContactTaken(session="1", episode=1, agent=""))
    assert rig.machine.summary()["length"] == rig.machine.summary()["served"] == 0


def test_a_bots_hand_off_is_refused_while_nobody_is_on_duty_and_others_wait():
    rig = queue()
    rig.send(StaffChanged(staffed=False))
    rig.send(enqueue("1", hand_off=True), enqueue("2"))
    assert rig.told(EnqueueRefused) == [EnqueueRefused(episode=1, reason="nobody_on_duty")]
    assert rig.machine.summary()["length"] == 1
    rig.send(StaffChanged(staffed=True))
    rig.send(enqueue("3", hand_off=True))
    assert rig.machine.summary()["length"] == 2


def test_a_bots_hand_off_that_waits_is_let_go_when_the_last_agent_signs_out():
    rig = queue()
    rig.send(enqueue("1", hand_off=True), enqueue("2"))
    assert rig.machine.summary()["length"] == 2
    rig.send(StaffChanged(staffed=False))
    assert rig.told(EnqueueRefused) == [EnqueueRefused(episode=1, reason="nobody_on_duty")]
    assert [told.session for told in rig.told(ContactGone)] == ["1"]
    assert rig.machine.summary()["length"] == 1


def test_a_bots_hand_off_is_refused_outside_the_hours():
    shut = HoursConfig(time_zone="UTC", week=[[] for _ in range(7)])
    rig = queue(hours=shut)
    rig.send(enqueue("1", hand_off=True))
    assert [told.reason for told in rig.told(EnqueueRefused)] == ["nobody_on_duty"]
