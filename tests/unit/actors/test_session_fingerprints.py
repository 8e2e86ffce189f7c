"""A command and the event it leads to must reduce to the same text, or a repeat after a restart
would be taken for a conflict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors.frames import Event
from actors.messages import (
    CancelTransfer,
    CompleteTransfer,
    EndSession,
    FinishWrapUp,
    Join,
    LeaveSession,
    Person,
    Rate,
    Recall,
    TakeOver,
    Transfer,
)
from actors.session.fingerprints import of_command, of_event
from tests.support.sessions import ANN, BEN, CUSTOMER, DESK, LEA, Story, talking


def _spoken() -> Story:
    story = talking()
    story.says(CUSTOMER, "hello")
    return story


def _asked(**fields: Any) -> Callable[[], Story]:
    def story() -> Story:
        told = talking()
        told.transfers(agent="ben", **fields)
        return told

    return story


def _consulting() -> Story:
    story = _asked(warm=True)()
    story.assigned("ben")
    return story


def _joined() -> Story:
    story = talking()
    story.does(Join, LEA)
    return story


def _ended() -> Story:
    story = talking()
    story.ends(CUSTOMER)
    return story


def _waiting() -> Story:
    story = Story()
    story.opens()
    return story


@pytest.mark.parametrize(
    ("before", "person", "kind", "fields"),
    [
        (_spoken, CUSTOMER, Recall, {"seq": 4}),
        (talking, CUSTOMER, EndSession, {}),
        (_waiting, CUSTOMER, EndSession, {}),
        (_ended, CUSTOMER, Rate, {"score": 4, "comment": "fine"}),
        (_ended, ANN, FinishWrapUp, {"disposition": "solved", "note": "n"}),
        (talking, ANN, Transfer, {"agent": "ben", "note": "n"}),
        (talking, ANN, Transfer, {"agent": "ben", "warm": True}),
        (talking, ANN, Transfer, {"queue": "support", "note": "n"}),
        (_consulting, ANN, CompleteTransfer, {}),
        (_consulting, ANN, CancelTransfer, {}),
        (_asked(), ANN, CancelTransfer, {}),
        (talking, LEA, Join, {}),
        (_joined, LEA, LeaveSession, {}),
        (_consulting, BEN, LeaveSession, {}),
        (talking, LEA, TakeOver, {}),
    ],
)
def test_a_command_and_its_event_say_the_same(
    before: Callable[[], Story], person: Person, kind: Any, fields: dict[str, Any]
) -> None:
    story = before()
    command = kind(conn=DESK[person.id], person=person, client_id="mine", **fields)
    story.send(command)
    frames = story.store.frames("main") + story.store.frames("aside")
    (event,) = [f for f in frames if isinstance(f, Event) and f.client_id == "mine"]
    assert of_event(event) == of_command(command)
