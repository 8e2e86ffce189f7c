"""The simulator's benchmark, small: every program runs both centres and says the same."""

from __future__ import annotations

from benchmarks.simulator import all_rows, options


def test_every_program_has_a_row_with_a_speed() -> None:
    rows = all_rows(contacts=20_000, peer_contacts=2_000)

    assert {row["program"] for row in rows} == {
        "raydesk compiled",
        "raydesk python",
        "simpy",
        "ciw",
    }
    assert {row["centre"] for row in rows} >= {"one type"}
    for row in rows:
        assert isinstance(row["contacts_per_cpu_s"], int)
        assert row["contacts_per_cpu_s"] > 0


def test_the_options_have_defaults() -> None:
    assert options([]).contacts >= 1_000_000
