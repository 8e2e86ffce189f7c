"""What queues, dispatch and agents tell the session: stories about `actors.session.routing`."""

from __future__ import annotations

import msgspec

from actors.addresses import Address
from actors.config import BlacklistEntry, HoursConfig
from actors.effects import Record, Refuse, Tell
from actors.frames import Detached, Event, Position, SessionFrame
from actors.messages import (
    AgentLost,
    Assign,
    AssignRefused,
    ConfigChanged,
    ContactOffered,
    Enqueue,
    EnqueueRefused,
    LeaveQueue,
    OfferLapsed,
    Overflowed,
    PositionChanged,
    QueueTimedOut,
    Release,
    SessionJoined,
    SessionLeft,
    Transfer,
)
from actors.session.tickets import Ticket
from tests.support.machines import START, of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BOT,
    CAROL,
    CONFIG,
    CUSTOMER,
    LAPTOP,
    ME,
    PHONE,
    Story,
    talking,
    with_bot,
)


def test_an_offer_is_shown_and_its_lapse_too() -> None:
    story = Story()
    story.opens()
    story.send(ContactOffered(episode=1, offer="o1", agent="ann"))
    assert story.state == "offered"
    story.crash()
    assert story.state == "offered"
    story.send(OfferLapsed(episode=1, offer="o1", outcome="missed"))
    assert story.state == "waiting"


def test_an_assignment_seats_the_agent_and_tells_everyone() -> None:
    story = Story()
    story.opens()
    effects = story.assigned("ann")
    joined = SessionJoined(session=ME.id, episode=1, customer=CAROL)
    assert Tell(Address("agent", "acme", "ann"), joined) in effects
    event = story.frames(PHONE, Event)[-1]
    assert (event.kind, event.agent, event.agent_name) == ("assigned", "ann", "Ann")
    assert story.state == "talking"


def test_a_bot_serves_with_its_own_state() -> None:
    assert with_bot().state == "with bot"


def test_a_repeated_assignment_does_nothing() -> None:
    story = Story()
    story.opens()
    story.assigned("ann")
    assert story.send(Assign(episode=1, offer="o1", agent="ann")) == []
    story.crash()
    assert story.send(Assign(episode=1, offer="o1", agent="ann")) == []


def test_an_automatic_accept_needs_no_offer_before_it() -> None:
    story = Story()
    story.opens()
    story.send(Assign(episode=1, offer="o1", agent="ann"))
    assert story.state == "talking"


def test_what_does_not_match_is_refused_to_dispatch() -> None:
    story = Story()
    story.opens()
    story.send(ContactOffered(episode=1, offer="o1", agent="ann"))
    story.send(OfferLapsed(episode=1, offer="o1", outcome="missed"))
    story.send(Assign(episode=1, offer="o1", agent="ann"))
    story.send(Assign(episode=9, offer="o2", agent="ann"))
    story.send(Assign(episode=1, offer="o2", agent="nobody"))
    story.send(Assign(episode=1, offer="o2", agent="ann", purpose="consult"))
    refused = [(c.episode, c.offer) for c in story.told(AssignRefused)]
    assert refused == [(1, "o1"), (9, "o2"), (1, "o2"), (1, "o2")]
    assert story.state == "waiting"


def test_a_late_assignment_for_a_session_that_ended_is_refused() -> None:
    story = Story()
    story.opens()
    story.ends(CUSTOMER)
    story.crash()
    story.assigned("ann")
    assert story.told(AssignRefused) == [AssignRefused(session=ME.id, episode=1, offer="o1")]


def test_an_assignment_for_a_session_nobody_opened_is_refused() -> None:
    story = Story()
    story.send(Assign(episode=1, offer="o1", agent="ann"))
    assert story.told(AssignRefused)
    assert not story.machine.live()


def test_a_second_offer_cannot_seat_a_second_agent() -> None:
    story = talking()
    story.send(Assign(episode=1, offer="o2", agent="ben"))
    assert story.told(AssignRefused) == [AssignRefused(session=ME.id, episode=1, offer="o2")]
    assert story.machine.summary()["agent"] == "ann"


def test_the_place_in_the_queue_is_shown_now_and_in_the_snapshot() -> None:
    story = Story()
    story.opens()
    story.send(PositionChanged(episode=1, position=3, eta_s=90.0))
    story.send(PositionChanged(episode=7, position=1, eta_s=1.0))
    frame = Position(session=ME.id, queue="sales", position=3, eta_s=90.0)
    assert story.frames(PHONE, Position) == [frame]
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.frames(LAPTOP, SessionFrame)[-1].position == 3


def test_a_full_queue_is_told_as_an_error_and_ends_the_session() -> None:
    story = Story()
    story.opens()
    story.send(EnqueueRefused(episode=1, reason="queue_full"))
    assert story.refusals(PHONE) == ["queue_full"]
    assert story.machine.summary()["reason"] == "no_agent"
    assert not story.told(LeaveQueue), "the queue never had it"


def test_who_comes_out_of_hours_hears_when_to_come_back_and_leaves_a_ticket() -> None:
    story = Story()
    story.opens()
    story.send(EnqueueRefused(episode=1, reason="closed", opens_at=START + 3600))
    assert story.refusals(PHONE) == ["closed"]
    (record,) = [r for r in of(story.effects, Record) if r.table == "ticket"]
    ticket = msgspec.msgpack.decode(record.data, type=Ticket)
    assert (ticket.reason, ticket.opens_at) == ("closed", START + 3600)
    assert ticket.queue == story.told(Enqueue)[0].contact.queue
    assert story.state == "closed"


def test_the_apology_names_the_hour_where_the_queue_is() -> None:
    story = Story()
    story.opens()
    queue = story.told(Enqueue)[0].contact.queue
    hours = HoursConfig(time_zone="Asia/Shanghai", week=[[] for _ in range(7)])
    known = msgspec.structs.replace(story.config.queues[queue], hours=hours)
    queues = {**story.config.queues, queue: known}
    changed = msgspec.structs.replace(story.config, queues=queues)
    story.send(ConfigChanged(config=changed))
    story.send(EnqueueRefused(episode=1, reason="closed", opens_at=1_800_000_000.0))
    (refusal,) = [effect for effect in of(story.effects, Refuse) if effect.code == "closed"]
    assert "2027-01-15 16:00+08:00" in refusal.detail


def test_nobody_on_duty_ends_the_session_with_the_reason_named() -> None:
    story = Story()
    story.opens()
    story.send(EnqueueRefused(episode=1, reason="nobody_on_duty"))
    event = story.frames(PHONE, Event)[-1]
    assert (event.kind, event.reason, event.note) == ("closed", "no_agent", "nobody_on_duty")


def test_a_queue_that_refuses_a_hand_off_sends_the_customer_back_to_the_bot_queue() -> None:
    story = with_bot()
    story.does(Transfer, BOT, queue="sales")
    story.send(EnqueueRefused(episode=2, reason="nobody_on_duty"))
    contact = story.told(Enqueue)[-1].contact
    assert (contact.queue, contact.episode, contact.arrived_at) == ("front", 3, START)
    assert contact.exclude == [], "whoever handed off may have to serve again"
    assert story.events("aside")[-1] == "transfer_failed"
    story.send(EnqueueRefused(episode=3, reason="nobody_on_duty"))
    assert story.state == "closed"


def test_a_wait_that_is_too_long_ends() -> None:
    story = Story()
    story.opens()
    story.send(QueueTimedOut(episode=9))
    assert story.state == "waiting"
    story.send(QueueTimedOut(episode=1))
    assert story.machine.summary()["reason"] == "queue_timeout"


def test_an_overflow_goes_to_the_other_queue_at_the_same_age() -> None:
    story = Story()
    story.opens()
    story.ctx.now += 300
    story.send(Overflowed(episode=1, to="support"))
    story.send(Overflowed(episode=1, to="support"))
    contacts = [(c.contact.queue, c.contact.episode) for c in story.told(Enqueue)]
    assert contacts == [("sales", 1), ("support", 2)]
    assert story.told(Enqueue)[-1].contact.arrived_at == START
    assert story.machine.summary()["queue"] == "support"


def test_an_overflow_to_nowhere_ends_the_session() -> None:
    story = Story()
    story.opens()
    story.send(Overflowed(episode=1, to="moon"))
    assert story.machine.summary()["reason"] == "no_agent"


def test_a_barred_customer_does_not_overflow_to_humans() -> None:
    story = Story()
    story.opens(queue="front")
    entry = BlacklistEntry(kind="customer", value="carol", scope="human")
    story.send(ConfigChanged(config=msgspec.structs.replace(CONFIG, blacklist=[entry])))
    story.send(Overflowed(episode=1, to="sales"))
    assert story.machine.summary()["reason"] == "blacklisted"


def test_a_lost_agent_puts_the_customer_back_at_the_old_age() -> None:
    story = talking()
    story.ctx.now += 600
    effects = story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.frames(PHONE, Event)[-2].kind == "agent_lost"
    contact = story.told(Enqueue)[-1].contact
    assert (contact.arrived_at, contact.requeued, contact.episode) == (START, True, 2)
    told = [tell.command for tell in of(effects, Tell)]
    assert Release(session=ME.id, episode=1, agent="ann") in told
    assert SessionLeft(session=ME.id, episode=1) in told
    assert story.frames(ANN_PC)[-1] == Detached(session=ME.id, reason="agent_lost")
    assert story.state == "waiting"


def test_a_late_word_of_a_lost_agent_changes_nothing() -> None:
    story = talking()
    assert story.send(AgentLost(agent="ben", session=ME.id, episode=1)) == []
    assert story.send(AgentLost(agent="ann", session=ME.id, episode=0)) == []
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.send(AgentLost(agent="ann", session=ME.id, episode=1)) == []


def test_losing_the_agent_withdraws_its_pending_transfer() -> None:
    story = talking()
    story.does(Transfer, ANN, agent="ben")
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=2)]
    assert story.episode == 3


def test_a_lost_consultant_ends_only_the_consultation() -> None:
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.send(AgentLost(agent="ben", session=ME.id, episode=2))
    assert story.machine.summary()["consulting"] == ""
    assert story.state == "talking"
    assert story.told(Release) == [Release(session=ME.id, episode=2, agent="ben")]


def test_losing_the_agent_in_wrap_up_closes_the_session() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.state == "closed"
    assert len(story.told(Release)) == 1


def test_a_customer_barred_meanwhile_is_not_queued_again() -> None:
    story = talking()
    entry = BlacklistEntry(kind="customer", value="carol")
    story.send(ConfigChanged(config=msgspec.structs.replace(CONFIG, blacklist=[entry])))
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.machine.summary()["reason"] == "blacklisted"
    assert len(story.told(Release)) == 1
