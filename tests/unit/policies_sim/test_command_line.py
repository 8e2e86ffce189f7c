"""`python -m policies simulate | compare | sweep`, as a data scientist meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.__main__ import main

CENTRE = """
name: Tiny
length: "02:00"
types:
  help: {arrivals: {per_hour: 60}, handle: {mean_s: 60}}
  技术: {arrivals: {per_hour: 30}, handle: {mean_s: 90}, patience: {mean_s: 60}}
groups:
  all: {agents: 2, skills: {help: 1, 技术: 1}, cost_per_hour: 30}
"""
PNG = b"\x89PNG"


@pytest.fixture
def centre(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(CENTRE, encoding="utf-8")
    return str(path)


def test_simulate_prints_a_table_and_writes_numbers_and_a_picture(
    centre: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, png = tmp_path / "out.json", tmp_path / "out.png"

    code = main(["simulate", centre, "--replications", "3", "--json", str(out), "--plot", str(png)])

    assert code == 0
    assert "Tiny under longest_idle, 3 replications" in capsys.readouterr().out
    assert json.loads(out.read_text())["by_type"]["技术"]["abandoned"]["value"] > 0
    assert png.read_bytes()[:4] == PNG


def test_compare_shows_differences_on_the_same_contacts(
    centre: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png = tmp_path / "out.png"
    chosen = ["--policy", "longest_idle", "--policy", "least_busy"]

    code = main(["compare", centre, *chosen, "--replications", "3", "--plot", str(png)])

    assert code == 0
    assert "+0.00" in capsys.readouterr().out
    assert png.read_bytes()[:4] == PNG


def test_sweep_shows_that_more_agents_cost_more_and_answer_sooner(
    centre: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, png = tmp_path / "out.json", tmp_path / "out.png"
    files = ["--json", str(out), "--plot", str(png)]

    code = main(["sweep", centre, "--agents", "1,2", "--replications", "3", *files])

    points = json.loads(out.read_text())["points"]
    assert code == 0
    assert [point["cost"] for point in points] == [120.0, 240.0]
    levels = [point["total"]["service_level"]["value"] for point in points]
    assert levels[0] < levels[1]
    assert "4" in capsys.readouterr().out
    assert png.read_bytes()[:4] == PNG


def test_a_policy_of_ones_own_is_a_file(
    centre: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from policies.longest_idle import LongestIdle\n"
        "class Mine(LongestIdle):\n    name = 'mine'\n"
    )

    code = main(["simulate", centre, "--policy", f"{own}:Mine", "--replications", "2"])

    assert code == 0
    assert "under mine, 2 replications, python engine" in capsys.readouterr().out
    assert main(["simulate", centre, "--policy", f"{own}:Yours"]) == 2
    assert "no class 'Yours'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--policy", "nope"], "allowed: batch_assignment"),
        (["--policy", "nowhere.py:Own"], "no file 'nowhere.py'"),
    ],
)
def test_bad_input_ends_with_code_2_and_says_what_is_allowed(
    centre: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", centre, *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--replications", "1"], ["--plot", "x.pdf"]])
def test_bad_options_are_refused_before_anything_runs(centre: str, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["simulate", centre, *arguments])
    assert stop.value.code == 2
