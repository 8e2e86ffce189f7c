"""The README's table is made from results, and only between its markers."""

from __future__ import annotations

from benchmarks.all import BEGIN, END, PROGRAMS, README, ROWS, replace_table, table

MACHINE = {"cores": 2, "python": "3.11.7", "ray": "2.60.0"}
DISPATCH = {
    "assignments_per_s": 3482.2,
    "decision_ms": {"p99": 42.4},
    "machine": MACHINE,
}
TRIAL = {
    "kill": "redis",
    "recovered_s": 0.8,
    "lost": 1,
    "duplicated": 0,
    "out_of_order": 2,
    "double_assigned": 0,
    "over_capacity": 0,
}


def test_numbers_come_from_the_results() -> None:
    text = table({"dispatch": DISPATCH, "faults": {"trials": [TRIAL], "machine": MACHINE}})
    assert "| 3,482; 42 ms | `python -m benchmarks.dispatch` |" in text
    assert "kill -9 of redis" in text
    assert "| 0.8 s; 3 |" in text


def test_the_policies_rows_name_the_best() -> None:
    result = {
        "decisions": {
            "rows": [
                {"policy": "longest_idle", "decisions_per_s_and_core": 70_000},
                {"policy": "lp_value", "decisions_per_s_and_core": 30_000},
            ]
        },
        "value": {
            "gaps": [
                {"policy": "value_greedy", "gap_percent": 6.2},
                {"policy": "lp_value", "gap_percent": 4.0},
            ],
            "regret": [
                {"learner": "ucb", "contacts": 20_000, "regret": 45.2},
                {"learner": "ucb", "contacts": 40_000, "regret": 40.0},
                {"learner": "thompson", "contacts": 20_000, "regret": 80.0},
            ],
        },
        "learned": [{"p99_ms": 1.0}, {"p99_ms": 4.4}],
        "machine": MACHINE,
    }
    text = table({"policies": result})
    for told in ("70,000, 30,000", "4.0 % (lp_value)", "| 45 (ucb) |", "1.0 ms, 4.4 ms"):
        assert told in text


def test_the_rows_of_identity_say_what_was_measured() -> None:
    result = {
        "verifications": {"new_per_s": 12_045, "seen_per_s": 400_000},
        "connects": {"per_s": 839.4},
        "revocation": {"sockets": 1000, "ms": {"p99": 36.2}},
        "sign_ins": {"sign_ins_per_s": 6.25, "p50_ratio": 1.1},
        "machine": MACHINE,
    }
    text = table({"auth": result})
    for told in ("12,045, 400,000", "| 839 |", "(1,000 sockets) | 36 ms", "6.2; 1.10 x"):
        assert told in text


def test_writing_the_table_twice_changes_nothing_else() -> None:
    readme = README.read_text("utf-8")
    once = replace_table(readme, table({"dispatch": DISPATCH}))
    assert replace_table(once, table({"dispatch": DISPATCH})) == once
    assert once.split(BEGIN)[0] == readme.split(BEGIN)[0]
    assert once.split(END)[1] == readme.split(END)[1]


def test_every_program_with_rows_is_run() -> None:
    assert set(ROWS) <= set(PROGRAMS)
