"""Rests of a process that works beside people."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time

import pytest

from serve import pacing
from serve.pacing import LOOK_S, SWITCH_S, Pace


def worked_share() -> float:
    """Return which part of half a second a busy thread of this process was let work."""
    over = threading.Event()
    used: list[float] = []

    def work() -> None:
        while not over.is_set():
            used.append(time.thread_time())

    thread = threading.Thread(target=work)
    begun = time.monotonic()
    thread.start()
    time.sleep(0.5)  # the span that is measured
    over.set()
    thread.join()
    return (used[-1] - used[0]) / (time.monotonic() - begun)


def crowded(monkeypatch: pytest.MonkeyPatch, *, so: bool) -> threading.Event:
    """Let the machine be so; return the event that is set once anybody asks."""
    asked = threading.Event()

    def told(_: object) -> bool:
        asked.set()
        return so

    monkeypatch.setattr(pacing._Look, "crowded", told)
    return asked


def ended() -> None:
    """Wait until nothing rests any more."""
    for thread in pacers():
        thread.join(60)
    assert pacers() == []


def pacers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "pace"]


def test_on_a_crowded_machine_the_whole_process_rests_most_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowded(monkeypatch, so=True)
    with Pace()():
        assert worked_share() < 0.7
    ended()


def test_who_is_inside_twice_rests_once_and_after_the_last_nothing_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, pace = crowded(monkeypatch, so=False), Pace()
    with pace():
        with pace():
            assert len(pacers()) == 1
        assert asked.wait(60)
    ended()
    assert sys.getswitchinterval() == SWITCH_S
    with pace():
        assert len(pacers()) == 1
    ended()


@pytest.mark.parametrize(
    ("processors_n", "others", "crowded"),
    [(2, 0.05, False), (2, 0.2, True), (8, 0.4, False), (8, 0.5, True)],
)
def test_how_crowded_it_is_depends_on_what_others_do_and_how_many_processors_there_are(
    monkeypatch: pytest.MonkeyPatch, processors_n: int, others: float, crowded: bool
) -> None:
    """Every second this process uses all of one processor, and others their share of all."""
    clock = itertools.count()
    told = itertools.count()
    monkeypatch.setattr(os, "cpu_count", lambda: processors_n)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * 2 * LOOK_S + 100.0)
    own = itertools.count()
    monkeypatch.setattr(time, "process_time", lambda: float(next(own)))

    def machine() -> tuple[float, float]:
        second = next(told) + 1.0
        return second * (1.0 + others * processors_n), second * processors_n

    monkeypatch.setattr(pacing, "_machine_s", machine)
    look = pacing._Look()
    assert look.crowded(), "not known yet"
    assert look.crowded() is crowded


def test_a_machine_that_tells_nothing_is_taken_for_crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_machine_s", lambda: (0.0, 0.0))
    monkeypatch.setattr(pacing, "LOOK_S", 0.0)
    look = pacing._Look()
    assert [look.crowded() for _ in range(3)] == [True] * 3


def test_the_machine_says_how_much_it_works() -> None:
    busy_s, all_s = pacing._machine_s()
    assert 0.0 <= busy_s <= all_s
