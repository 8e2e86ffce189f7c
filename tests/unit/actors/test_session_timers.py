"""What happens when nobody does anything: stories about `actors.session.timers`."""

from __future__ import annotations

from actors.frames import IdleWarning
from actors.messages import AgentLost, Detach, LeaveQueue, Tick, Typing
from tests.support.machines import START
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BOT,
    CUSTOMER,
    LAPTOP,
    ME,
    PHONE,
    Story,
    talking,
    with_bot,
)


def test_a_silent_customer_is_warned_then_the_session_closes() -> None:
    story = talking()
    story.says(CUSTOMER, "hello")
    story.says(ANN, "what is your number?")
    story.advance(119)
    assert story.frames(PHONE, IdleWarning) == []
    story.advance(1)
    warning = IdleWarning(session=ME.id, closes_at=START + 240)
    assert story.frames(PHONE, IdleWarning) == [warning]
    story.advance(120)
    assert story.machine.summary()["reason"] == "idle_customer"
    assert story.state == "wrap-up"


def test_while_the_agent_owes_an_answer_nobody_is_idle() -> None:
    story = talking()
    story.says(ANN, "hello")
    story.says(CUSTOMER, "where is my bike?")
    assert story.machine.deadline() is None


def test_the_clock_starts_with_the_agents_answer_not_with_the_question_before() -> None:
    story = talking()
    story.says(CUSTOMER, "where is my bike?")
    story.advance(119)
    story.says(ANN, "let me see")
    assert story.machine.deadline() == START + 119 + 120


def test_a_word_after_the_warning_saves_the_session() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.advance(130)
    story.says(CUSTOMER, "sorry, I was away")
    story.advance(1000)
    assert story.state == "talking"
    story.says(ANN, "no problem")
    story.advance(120)
    assert len(story.frames(PHONE, IdleWarning)) == 2


def test_a_customer_who_types_is_not_idle() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.advance(130)
    story.does(Typing, CUSTOMER, preview="sor")
    assert story.machine.deadline() == START + 130 + 120


def test_a_late_tick_still_gives_the_whole_warning() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.ctx.now += 10_000
    story.send(Tick())
    assert story.frames(PHONE, IdleWarning)[-1].closes_at == story.ctx.now + 120
    assert story.state == "talking"


def test_a_warning_lost_in_a_crash_is_given_again() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.advance(200)
    story.crash()
    story.attached(CUSTOMER)
    story.advance(0)
    assert story.frames(PHONE, IdleWarning)[-1].closes_at == START + 320


def test_a_device_that_comes_late_hears_the_warning() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.advance(130)
    story.attached(CUSTOMER, conn=LAPTOP)
    assert story.frames(LAPTOP, IdleWarning)[-1].closes_at == START + 240


def test_an_early_tick_does_nothing() -> None:
    story = talking()
    story.says(ANN, "hello?")
    assert story.send(Tick()) == []


def test_a_bots_customer_goes_idle_too() -> None:
    story = with_bot()
    story.says(BOT, "hello, how can I help?")
    story.advance(240)
    assert story.state == "closed"


def test_a_waiting_customer_without_a_device_has_abandoned() -> None:
    story = Story()
    story.opens()
    story.advance(1000)
    story.send(Detach(conn=PHONE))
    story.advance(59)
    assert story.state == "waiting"
    story.advance(1)
    assert story.machine.summary()["reason"] == "abandoned"
    assert story.told(LeaveQueue) == [LeaveQueue(session=ME.id, episode=1, abandoned=True)]


def test_a_customer_who_comes_back_in_time_has_not() -> None:
    story = Story()
    story.opens()
    story.send(Detach(conn=PHONE))
    story.advance(50)
    story.attached(CUSTOMER)
    story.advance(500)
    assert story.state == "waiting"


def test_one_of_two_devices_is_enough() -> None:
    story = Story()
    story.opens()
    story.attached(CUSTOMER, conn=LAPTOP)
    story.send(Detach(conn=PHONE))
    assert story.machine.deadline() is None


def test_nobody_is_abandoned_because_a_shard_died() -> None:
    story = Story()
    story.opens()
    story.advance(600)
    story.crash()
    assert story.machine.deadline() == START + 660


def test_the_time_away_before_the_wait_does_not_count() -> None:
    story = talking()
    story.send(Detach(conn=PHONE))
    story.advance(600)
    story.send(AgentLost(agent="ann", session=ME.id, episode=1))
    assert story.machine.deadline() == START + 660


def test_a_new_agent_is_given_time_before_the_customer_is_idle() -> None:
    story = talking()
    story.says(ANN, "hello?")
    story.advance(10)
    story.transfers(queue="support")
    story.advance(10)
    story.assigned("ben")
    assert story.machine.deadline() is None
    assert ANN_PC in story.received
