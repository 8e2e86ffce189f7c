"""Acts of supervision are committed with what they did, once each, and name nobody's words."""

from __future__ import annotations

from typing import Any

from actors.acts import TABLE, Act, Source, decode_act
from actors.effects import Record
from actors.messages import EndSession, Join, LeaveSession, TakeOver, Transfer
from tests.support.machines import of
from tests.support.sessions import ANN, BEN, CUSTOMER, LEA, Story, talking

FROM = Source(address="10.1.2.3", client="console")


def acts(story: Story) -> list[Act]:
    return [decode_act(one.data) for one in of(story.effects, Record) if one.table == TABLE]


def done(story: Story) -> list[str]:
    return [act.action for act in acts(story)]


def test_who_did_what_to_what_and_from_where() -> None:
    story = talking()
    story.does(TakeOver, LEA, source=FROM)
    [act] = acts(story)
    assert (act.actor, act.role, act.resource, act.row) == ("lea", "leader", "sessions", "77")
    assert act.source == FROM
    assert act.at == story.ctx.now
    before: Any = {"state": "talking", "queue": "sales", "agent": "ann", "joined": []}
    assert act.before == before
    assert act.after == {**before, "agent": "lea"}


def test_each_act_of_supervision_is_recorded() -> None:
    story = talking()
    story.attached(LEA, watch=True, source=FROM)
    story.says(LEA, "be kind", aside=True)
    story.does(Join, LEA)
    story.does(LeaveSession, LEA)
    story.attached(LEA, watch=True)
    story.does(LeaveSession, LEA)
    story.does(EndSession, LEA)
    watched = ["watch", "whisper", "join", "leave", "watch", "leave", "end"]
    assert done(story) == watched
    assert len({act.id for act in acts(story)}) == len(watched)
    assert acts(story)[-1].after == {**(acts(story)[-1].before or {}), "state": "wrap-up"}


def test_what_was_whispered_is_not_in_it() -> None:
    story = talking()
    story.says(LEA, "the password is 12345", aside=True)
    [record] = [one for one in of(story.effects, Record) if one.table == TABLE]
    assert b"12345" not in record.data


def test_a_repeat_is_no_second_act_even_after_a_crash() -> None:
    story = talking()
    story.does(TakeOver, LEA, client_id="t1")
    story.crash()
    story.does(TakeOver, LEA, client_id="t1")
    story.does(TakeOver, LEA, client_id="t2")
    assert done(story) == ["take_over"]
    whisper = talking()
    for _ in range(2):
        whisper.says(LEA, "psst", aside=True, client_id="w1")
        whisper.crash()
    assert done(whisper) == ["whisper"]


def test_a_watcher_with_two_devices_watches_once() -> None:
    story = talking()
    story.attached(LEA, watch=True)
    story.attached(LEA, watch=True)
    assert done(story) == ["watch"]


def test_ones_own_session_and_refusals_are_no_supervision() -> None:
    story = talking()
    story.says(ANN, "a note", aside=True)
    story.does(Join, ANN)
    story.does(TakeOver, CUSTOMER)
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.does(LeaveSession, BEN)
    story.ends(ANN)
    assert done(story) == []


def test_the_customers_end_is_no_supervision() -> None:
    story = talking()
    story.ends(CUSTOMER)
    assert done(story) == []
