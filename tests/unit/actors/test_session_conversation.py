"""What is said: stories about `actors.session.conversation`."""

from __future__ import annotations

import pytest

from actors.effects import Count, Deliver, Journal, Put, Scrub
from actors.frames import Ack, Event, Message, Receipt, TypingFrame
from actors.messages import EndSession, Join, MarkReceipt, Person, Recall, Say, Transfer, Typing
from tests.support.machines import of
from tests.support.sessions import (
    ANN,
    ANN_PC,
    BEN,
    BEN_PC,
    BOT,
    CUSTOMER,
    LAPTOP,
    LEA,
    LEA_PC,
    ME,
    PHONE,
    Story,
    talking,
    text,
    with_bot,
)


def _last_seq(story: Story) -> int:
    return len(story.store.tracks["main"])


def test_a_message_is_journaled_acked_and_delivered_to_every_device() -> None:
    story = talking()
    story.attached(CUSTOMER, conn=LAPTOP)
    before = _last_seq(story)
    effects = story.says(CUSTOMER, "hello", client_id="x1")
    (journal,) = of(effects, Journal)
    message = journal.frame
    assert isinstance(message, Message)
    assert (message.seq, message.from_, message.at) == (before + 1, CUSTOMER, story.ctx.now)
    ack = Ack(client_id="x1", session=ME.id, seq=before + 1, id=message.id, at=story.ctx.now)
    assert story.frames(PHONE)[-2:] == [ack, message]
    assert story.frames(LAPTOP)[-1] == message
    assert story.frames(ANN_PC)[-1] == message
    assert of(effects, Count) == [Count("messages_total", 1.0, "customer")]
    assert not of(effects, Put), "what the timeline says is not stored twice"


def test_the_same_message_again_gets_the_same_ack_and_no_second_effect() -> None:
    story = talking()
    story.says(CUSTOMER, "hello", client_id="x1")
    first = story.frames(PHONE, Ack)[-1]
    story.crash()
    again = story.says(CUSTOMER, "hello", client_id="x1", conn=LAPTOP)
    assert again == [Deliver((LAPTOP,), first)]


def test_the_same_id_for_another_body_is_a_conflict() -> None:
    story = talking()
    story.says(CUSTOMER, "hello", client_id="x1")
    story.crash()
    story.says(CUSTOMER, "good-bye", client_id="x1")
    assert story.refusals(PHONE) == ["conflict"]
    assert story.texts() == ["hello"]


def test_two_senders_may_use_the_same_id() -> None:
    story = talking()
    story.says(CUSTOMER, "hello", client_id="x1")
    story.says(ANN, "hi", client_id="x1")
    assert story.texts() == ["hello", "hi"]


def test_a_repeat_is_acked_even_after_the_agent_has_left() -> None:
    story = talking()
    story.says(ANN, "one moment", client_id="a1")
    first = story.frames(ANN_PC, Ack)[-1]
    story.transfers(queue="support")
    assert story.says(ANN, "one moment", client_id="a1") == [Deliver((ANN_PC,), first)]


def test_an_aside_has_its_own_numbers_and_never_reaches_the_customer() -> None:
    story = talking()
    story.says(ANN, "is he serious?", aside=True, client_id="a1")
    story.says(LEA, "be nice", aside=True)
    seqs = [frame.seq for frame in story.store.frames("aside")]
    assert seqs == [1, 2]
    assert story.frames(ANN_PC, Message)[-1].body == text("be nice")
    assert story.frames(PHONE, Message) == []
    assert story.frames(ANN_PC, Ack)[0].aside


def test_ids_are_one_space_over_both_tracks() -> None:
    story = talking()
    story.says(ANN, "note", aside=True, client_id="a1")
    first = story.frames(ANN_PC, Ack)[-1]
    story.crash()
    assert story.says(ANN, "note", aside=False, client_id="a1") == [Deliver((ANN_PC,), first)]


@pytest.mark.parametrize(
    ("person", "aside", "code"),
    [
        (CUSTOMER, True, "forbidden"),
        (BEN, False, "not_your_session"),
        (BEN, True, "not_your_session"),
        (LEA, False, "forbidden"),
    ],
)
def test_who_may_not_speak_is_told_why(person: Person, aside: bool, code: str) -> None:
    story = talking()
    story.says(person, "psst", aside=aside)
    assert story.refusals() == [code]


def test_another_customer_is_a_stranger() -> None:
    story = talking()
    mallory = Person(id="mallory", role="customer")
    story.send(Say(conn=LAPTOP, person=mallory, client_id="m", body=text("let me in")))
    assert story.refusals(LAPTOP) == ["not_your_session"]


def test_a_customer_with_an_agents_id_is_not_that_agent() -> None:
    story = talking()
    fake = Person(id="ann", role="customer")
    story.send(Say(conn=LAPTOP, person=fake, client_id="m", body=text("I am Ann")))
    assert story.refusals(LAPTOP) == ["not_your_session"]


def test_a_stale_agent_is_refused() -> None:
    story = talking()
    story.transfers(queue="support")
    story.says(ANN, "wait!")
    assert story.refusals(ANN_PC) == ["not_your_session"]


def test_a_customer_may_speak_while_waiting() -> None:
    story = Story()
    story.opens()
    story.says(CUSTOMER, "anybody there?")
    assert story.texts() == ["anybody there?"]


def test_after_the_end_staff_may_still_take_notes_but_nobody_speaks() -> None:
    story = talking()
    story.ends(CUSTOMER)
    story.says(CUSTOMER, "one more thing")
    story.says(ANN, "bye")
    story.says(ANN, "angry customer", aside=True)
    assert story.refusals() == ["session_closed", "session_closed"]
    assert story.texts("aside") == ["angry customer"]


def test_a_joined_leader_speaks_to_everyone() -> None:
    story = talking()
    story.does(Join, LEA)
    story.says(LEA, "I am here to help")
    assert story.frames(PHONE, Message)[-1].from_ == LEA


def test_a_recall_leaves_a_stub_and_tells_everyone() -> None:
    story = talking()
    story.says(CUSTOMER, "my password is 1234")
    seq = _last_seq(story)
    effects = story.does(Recall, CUSTOMER, seq=seq)
    (scrub,) = of(effects, Scrub)
    assert isinstance(scrub.frame, Message)
    assert (scrub.frame.body, scrub.frame.recalled, scrub.frame.seq) == (None, True, seq)
    event = story.frames(ANN_PC, Event)[-1]
    assert (event.kind, event.of) == ("recalled", seq)
    assert story.texts() == ["(recalled)"]


def test_a_repeated_recall_has_no_second_effect() -> None:
    story = talking()
    story.says(CUSTOMER, "oops")
    seq = _last_seq(story)
    story.does(Recall, CUSTOMER, seq=seq, client_id="r1")
    first = story.frames(PHONE, Ack)[-1]
    story.crash()
    story.ctx.now += 500
    assert story.does(Recall, CUSTOMER, seq=seq, client_id="r1") == [Deliver((PHONE,), first)]
    assert not of(story.does(Recall, CUSTOMER, seq=seq, client_id="r2"), Journal)
    assert story.refusals() == []


def test_the_recalled_message_said_again_is_acked_not_shown() -> None:
    story = talking()
    story.says(CUSTOMER, "oops", client_id="x1")
    story.does(Recall, CUSTOMER, seq=_last_seq(story))
    for _ in range(2):
        assert not of(story.says(CUSTOMER, "oops", client_id="x1"), Journal)
        story.crash()
    assert story.texts() == ["(recalled)"]


def test_a_repeat_of_a_recalled_message_is_acked_alike_before_and_after_a_crash() -> None:
    story = talking()
    story.says(CUSTOMER, "oops", client_id="x1")
    first = story.frames(PHONE, Ack)[-1]
    story.does(Recall, CUSTOMER, seq=_last_seq(story))
    live = story.says(CUSTOMER, "something else", client_id="x1")
    story.crash()
    restored = story.says(CUSTOMER, "something else", client_id="x1")
    assert live == restored == [Deliver((PHONE,), first)], "the body to compare with is gone"


def test_a_message_is_recalled_within_two_minutes_only_by_its_author() -> None:
    story = talking()
    story.says(CUSTOMER, "mine")
    seq = _last_seq(story)
    story.does(Recall, ANN, seq=seq)
    story.ctx.now += 120.5
    story.does(Recall, CUSTOMER, seq=seq)
    assert story.refusals() == ["forbidden", "recall_expired"]


@pytest.mark.parametrize("seq", [0, 1, 99])
def test_only_a_message_can_be_recalled(seq: int) -> None:
    story = talking()
    story.does(Recall, CUSTOMER, seq=seq)
    assert story.refusals() == ["unknown_message"]


def test_an_id_used_for_a_message_is_a_conflict_for_a_command() -> None:
    story = talking()
    story.says(ANN, "hello", client_id="a1")
    story.does(EndSession, ANN, client_id="a1")
    assert story.refusals() == ["conflict"]
    assert story.state == "talking"


def test_receipts_move_forward_only_and_read_implies_delivered() -> None:
    story = talking()
    story.says(ANN, "hello")
    seq = _last_seq(story)
    story.does(MarkReceipt, CUSTOMER, read=seq)
    story.does(MarkReceipt, CUSTOMER, delivered=1, read=1)
    (receipt,) = story.frames(ANN_PC, Receipt)
    assert receipt == Receipt(session=ME.id, side="customer", delivered=seq, read=seq)


def test_a_receipt_beyond_the_last_message_is_clamped() -> None:
    story = talking()
    story.does(MarkReceipt, CUSTOMER, delivered=10_000, read=10_000)
    assert story.frames(ANN_PC, Receipt)[-1].read == _last_seq(story)


def test_a_receipt_goes_to_the_other_side_and_to_own_other_devices() -> None:
    story = talking()
    story.attached(CUSTOMER, conn=LAPTOP)
    story.does(MarkReceipt, CUSTOMER, delivered=2)
    assert story.frames(PHONE, Receipt) == []
    assert len(story.frames(LAPTOP, Receipt)) == 1


def test_many_receipts_of_one_turn_are_put_once() -> None:
    story = talking()
    marks = [MarkReceipt(conn=PHONE, person=CUSTOMER, delivered=seq) for seq in (1, 2, 3)]
    assert [put.field for put in of(story.send(*marks), Put)] == ["receipts"]


def test_receipts_survive_a_crash() -> None:
    story = talking()
    story.does(MarkReceipt, ANN, delivered=3, read=2)
    story.crash()
    assert not story.does(MarkReceipt, ANN, delivered=3, read=1)


def test_who_only_listens_marks_nothing() -> None:
    story = talking()
    story.attached(LEA, watch=True)
    assert story.does(MarkReceipt, LEA, read=3) == []
    assert story.does(MarkReceipt, BEN, read=3) == []
    story.send(MarkReceipt(conn=LAPTOP, person=Person(id="mallory", role="customer"), read=3))
    assert story.refusals() == ["not_your_session"]


def test_a_device_may_still_answer_the_frame_that_ended_its_part() -> None:
    story = talking()
    story.transfers(queue="support")
    assert story.does(MarkReceipt, ANN, delivered=5) == []


def test_the_agent_sees_what_the_customer_types_and_the_customer_only_that_the_agent_does() -> None:
    story = talking()
    story.does(Typing, CUSTOMER, preview="I wa")
    story.does(Typing, ANN, preview="secret draft")
    assert story.frames(ANN_PC, TypingFrame)[-1].preview == "I wa"
    assert story.frames(PHONE, TypingFrame) == [TypingFrame(session=ME.id, from_=ANN)]


def test_typing_of_a_stranger_is_seen_by_nobody() -> None:
    story = talking()
    story.attached(LEA, watch=True)
    assert story.does(Typing, LEA) == story.does(Typing, BEN) == []
    story.send(Typing(conn=LAPTOP, person=Person(id="mallory", role="customer")))
    assert story.refusals() == ["not_your_session"]


def test_the_consulted_agent_only_whispers() -> None:
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.attached(BEN)
    story.says(BEN, "hello customer")
    story.says(BEN, "offer him ten percent", aside=True)
    assert story.refusals(BEN_PC) == ["forbidden"]
    assert story.frames(ANN_PC, Message)[-1].from_ == BEN
    assert LEA_PC not in story.received


def test_a_bot_shows_what_it_is_writing_and_a_person_does_not() -> None:
    for story, person in ((with_bot(), BOT), (talking(), ANN)):
        story.attached(CUSTOMER)
        story.does(Typing, person, preview="We refund")
        shown = [f for f in story.frames(PHONE) if isinstance(f, TypingFrame)]
        assert [f.preview for f in shown] == ["We refund" if person is BOT else ""]
