"""The arithmetic of the programs: shares, ratios, growth, recovery."""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import chat, idle
from benchmarks.contest import OURS, measured_of, totals
from benchmarks.faults import first_after
from benchmarks.load import Phase
from benchmarks.people import Talk
from benchmarks.placement import page
from benchmarks.processes import Usage


def phase(**counts: Any) -> Phase:
    zeros = dict.fromkeys(("lost", "unanswered", "duplicated", "out_of_order"), 0)
    base = {"sent": 10, "acked": 10, "delivered": 10, "done_in_time": 10, "seconds": 2.0}
    return Phase(**(zeros | base | {"refused": {}, "ack": {}, "deliver": {}} | counts))


def test_sessions_are_dealt_evenly_over_loaders() -> None:
    assert chat.shares(10, 3) == [4, 3, 3]
    assert chat.sizes("50,200") == [50, 200]


def test_the_ratio_is_ours_over_theirs() -> None:
    by_name = {
        OURS: {"messages_per_s": 3000.0},
        "python-socketio": {"messages_per_s": 2000.0},
        "socket.io": {"messages_per_s": 6000.0},
    }
    assert chat.ratios(by_name) == {"python-socketio": 1.5, "socket.io": 0.5}
    assert chat.ratios({"socket.io": {"messages_per_s": 1.0}}) == {}


def test_faults_of_all_phases_are_added_up() -> None:
    phases = [measured_of("full speed", phase(lost=n, duplicated=1), {}, 0.0) for n in (1, 2)]
    assert totals(phases) == {"lost": 3, "unanswered": 0, "duplicated": 2, "out_of_order": 0}
    assert phases[0].messages_per_s == 5.0


def test_only_our_processes_count_as_growth() -> None:
    before = {"gateway": Usage(pss_kb=100.0), "loader": Usage(pss_kb=5.0)}
    after = {
        "gateway": Usage(pss_kb=400.0),
        "haproxy": Usage(pss_kb=50.0),
        "loader": Usage(pss_kb=900.0),
    }
    assert idle.grown(before, after) == {"gateway": 300.0, "haproxy": 50.0}


def test_recovery_counts_messages_said_after_the_kill_only() -> None:
    talk = cast("Talk", SimpleNamespace(flowed=[(1.0, 9.0), (6.0, 8.5), (7.0, 8.0)]))
    assert first_after(talk, 5.0) == 3.0
    assert first_after(talk, 7.5) is None


def test_the_placement_page_shows_every_row() -> None:
    rows = [{"placement": "the default", "start_s": 9.5}, {"placement": "shards", "start_s": 8.0}]
    facts = {"cores": 2, "python": "3", "ray": "2", "busy_cores": 0.1}
    text = page(rows, argparse.Namespace(sessions=20, agents=4), facts)
    assert "| the default | 9.5 |" in text
    assert "| shards | 8.0 |" in text


@pytest.mark.parametrize("wrong", [["--peer", "nobody"], ["--sessions", "many"]])
def test_a_wrong_option_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        chat.options(wrong)
