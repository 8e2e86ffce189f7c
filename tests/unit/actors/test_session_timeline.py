from __future__ import annotations

from actors.frames import Event, JournalFrame, Message, encode_frame
from actors.session.timeline import RECALL_S, Timeline, body_print
from tests.support.sessions import ANN, CUSTOMER, text


def _message(seq: int, at: float = 0.0, *, aside: bool = False) -> Message:
    who = ANN if aside or seq % 2 else CUSTOMER
    name = f"{'a' if aside else 'm'}{seq}"
    return Message(
        session="1",
        seq=seq,
        id=name,
        from_=who,
        at=at,
        client_id=name,
        body=text(name),
        aside=aside,
    )


def _restored(*frames: JournalFrame) -> Timeline:
    timeline = Timeline("1")
    timeline.restore([encode_frame(frame) for frame in frames])
    return timeline


def _known(timeline: Timeline) -> tuple[object, ...]:
    return (timeline.seq, timeline.aside_seq, timeline.answers, timeline.staff_spoke_last)


def test_the_interleaving_of_the_tracks_does_not_matter() -> None:
    one, two, aside = _message(1), _message(2), _message(1, aside=True)
    assert _known(_restored(one, two, aside)) == _known(_restored(aside, one, two))


def test_a_restart_knows_what_the_live_timeline_knew() -> None:
    live = Timeline("1")
    frames = [_message(1), _message(2), _message(1, aside=True)]
    for frame in frames:
        assert frame.body is not None
        live.add_message(frame, body_print(frame.body))
    assert _known(live) == _known(_restored(*frames))


def test_only_the_last_two_minutes_are_held() -> None:
    timeline = _restored(_message(1, at=0.0), _message(2, at=60.0), _message(3, at=130.0))
    assert timeline.recent(1, 130.0) is None
    assert timeline.recent(2, 130.0) is not None
    assert timeline.recent(2, 60.0 + RECALL_S + 0.001) is None


def test_events_and_gaps_are_not_messages() -> None:
    event = Event(session="1", seq=2, id="e", at=0.0, kind="waiting")
    timeline = _restored(_message(1), event)
    assert [timeline.is_message(seq) for seq in (0, 1, 2, 3)] == [False, True, False, False]
