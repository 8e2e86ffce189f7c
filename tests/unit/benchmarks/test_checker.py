"""The checker sees what it is there to see."""

from __future__ import annotations

import json
import pickle

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.checker import Checker, Report


def judged(*received: int, acked: tuple[int, ...] = (1, 2, 3)) -> Report:
    checker = Checker()
    checker.expect("agent", "s")
    for seq in acked:
        checker.sent()
        checker.acked("s", seq, 0.001)
    for seq in received:
        checker.delivered("agent", "s", seq, 0.002)
    return checker.report()


def test_a_whole_stream_is_clean() -> None:
    report = judged(1, 2, 3)
    assert report.clean
    assert (report.sent, report.acked, report.delivered) == (3, 3, 3)


def test_a_message_that_never_came_is_lost() -> None:
    assert judged(1, 3).lost == 1
    assert judged().lost == 3
    assert not judged(1, 3).clean


def test_a_message_that_came_twice_is_duplicated_and_nothing_else() -> None:
    report = judged(1, 2, 2, 3, 1)
    assert (report.lost, report.duplicated, report.out_of_order) == (0, 2, 0)
    assert not report.clean


def test_a_message_that_came_after_a_later_one_is_out_of_order_and_not_lost() -> None:
    report = judged(2, 1, 3)
    assert (report.lost, report.duplicated, report.out_of_order) == (0, 0, 1)
    assert not report.clean


def test_each_receiver_and_each_session_is_judged_alone() -> None:
    checker = Checker()
    for session in ("s", "t"):
        for receiver in ("customer", "agent"):
            checker.expect(receiver, session)
        checker.acked(session, 1, 0.001)
        checker.delivered("customer", session, 1)
    checker.delivered("agent", "s", 1)
    assert checker.report().lost == 1


def test_a_receiver_owes_nothing_from_before_it_came_or_after_it_left() -> None:
    checker = Checker()
    checker.expect("second", "s", after=2)
    checker.expect("first", "s")
    for seq in (1, 2, 3):
        checker.acked("s", seq, 0.001)
    checker.delivered("first", "s", 1)
    checker.delivered("first", "s", 2)
    checker.leave("first", "s", 2)
    checker.delivered("second", "s", 3)
    assert checker.report().clean


def test_an_acked_message_that_the_history_lacks_is_counted() -> None:
    checker = Checker()
    for seq in (1, 2, 3):
        checker.acked("s", seq, 0.001)
    checker.history("s", [1, 3, 4])
    assert checker.report().missing_in_history == 1
    assert not checker.report().clean


def test_two_agents_for_one_session_are_counted_and_a_transfer_is_not() -> None:
    fair = Checker()
    fair.assigned("s", "a", 2)
    fair.assigned("s", "a", 2)  # both receivers tell
    fair.released("s", 5)
    fair.assigned("s", "b", 6)
    fair.released("s", 5)  # told late by the other receiver
    assert fair.report().double_assigned == 0

    unfair = Checker()
    unfair.assigned("s", "a", 2, episode=1)
    unfair.assigned("s", "b", 3)
    assert unfair.report().double_assigned == 1

    same_episode = Checker()
    same_episode.assigned("s", "a", 2, episode=1)
    same_episode.released("s", 3)
    same_episode.assigned("s", "b", 4, episode=1)
    assert same_episode.report().double_assigned == 1


def test_what_two_processes_saw_is_judged_together() -> None:
    sender, receiver = Checker(), Checker()
    sender.acked("s", 1, 0.001)
    sender.acked("s", 2, 0.001)
    receiver.expect("agent", "s")
    receiver.delivered("agent", "s", 1, 0.004)
    sender.merge(pickle.loads(pickle.dumps(receiver)))
    report = sender.report()
    assert (report.acked, report.delivered, report.lost) == (2, 1, 1)
    assert report.deliver_ms["max"] > 3.9


def test_the_report_is_json() -> None:
    told = json.loads(judged(1, 2).to_json())
    assert told["lost"] == 1
    assert set(told["ack_ms"]) == {"p50", "p90", "p99", "p999", "max"}


@given(st.lists(st.integers(1, 12), max_size=40))
def test_the_counts_agree_with_a_plain_reading_of_the_stream(received: list[int]) -> None:
    acked = tuple(range(1, 13))
    report = judged(*received, acked=acked)
    firsts = list(dict.fromkeys(received))
    late = sum(seq < max(firsts[:index], default=0) for index, seq in enumerate(firsts))
    assert report.lost == len(set(acked) - set(received))
    assert report.duplicated == len(received) - len(firsts)
    assert report.out_of_order == late
