"""One attempt at a time, each with the next episode (see also the opening's stories)."""

from __future__ import annotations

from actors.messages import (
    AgentLost,
    CancelTransfer,
    Customer,
    Enqueue,
    LeaveQueue,
    Overflowed,
)
from tests.support.machines import START
from tests.support.sessions import ANN, ME, Story, talking


def test_every_attempt_has_the_next_episode_and_the_first_age() -> None:
    story = talking()
    story.ctx.now += 60
    story.transfers(agent="ben")
    story.does(CancelTransfer, ANN)
    story.crash()
    story.transfers(queue="support")
    story.send(Overflowed(episode=3, to="sales"))
    story.assigned("ben")
    story.send(AgentLost(agent="ben", session=ME.id, episode=4))
    contacts = [told.contact for told in story.told(Enqueue)]
    assert [contact.episode for contact in contacts] == [1, 2, 3, 4, 5]
    assert {contact.arrived_at for contact in contacts} == {START}


def test_at_most_one_attempt_is_in_a_queue() -> None:
    story = talking()
    story.transfers(agent="ben")
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    story.ends(ANN)
    assert [told.episode for told in story.told(LeaveQueue)] == [2]
    assert story.refusals() == ["not_your_session"]


def test_who_is_no_vip_gets_no_points() -> None:
    story = Story()
    story.opens(customer=Customer(id="carol", vip=7))
    assert story.told(Enqueue)[0].contact.priority_points == 0.0


def test_needs_hold_for_the_first_wait_and_after_a_loss_but_not_for_a_chosen_target() -> None:
    story = Story()
    story.opens(needs={"french": 2})
    story.assigned("ann")
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    story.assigned("ann")
    story.transfers(queue="support")
    needs = [told.contact.needs for told in story.told(Enqueue)]
    assert needs == [{"french": 2}, {"french": 2}, {}]
