"""Scenario files: what they may say, and what a wrong one is told."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.sim import ScenarioError, make_scenario, read_scenario

SOUND: dict[str, Any] = {
    "length": "08:00",
    "types": {"help": {"arrivals": {"per_hour": 60}, "handle": {"mean_s": 60}}},
    "groups": {"all": {"agents": 3, "skills": {"help": 1}}},
}
Spoil = Callable[[dict[str, Any]], Any]


def kind(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["types"]["help"]
    return found


def group(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["groups"]["all"]
    return found


WRONG: list[tuple[str, Spoil, list[str]]] = [
    ("a misspelt field", lambda d: d.update(lenght=1), ["lenght", "allowed: name, length"]),
    ("a missing field", lambda d: d.pop("length"), ["length", "required"]),
    ("no end", lambda d: d.update(length=float("inf")), ["length", "finite"]),
    ("a warm-up without an end", lambda d: d.update(warm_up="09:00"), ["warm_up", "before length"]),
    (
        "an unknown shape",
        lambda d: kind(d)["handle"].update(shape="x"),
        ["handle.shape", "'gamma'"],
    ),
    ("a shape without mean", lambda d: kind(d)["handle"].pop("mean_s"), ["mean_s", "above 0"]),
    ("no samples", lambda d: kind(d).update(handle={"shape": "empirical"}), ["handle.samples_s"]),
    ("a negative rate", lambda d: kind(d)["arrivals"].update(per_hour=-1), ["per_hour", "to 0"]),
    (
        "an unknown field of a rate",
        lambda d: kind(d)["arrivals"].update(per_minute=1),
        ["per_minute", "allowed: from, per_hour"],
    ),
    (
        "a late first rate",
        lambda d: kind(d).update(arrivals=[{"from": "01:00", "per_hour": 1}]),
        ["types.help.arrivals", "first"],
    ),
    (
        "no clock",
        lambda d: kind(d).update(arrivals=[{"from": "noon", "per_hour": 1}]),
        ["from", "HH:MM"],
    ),
    ("a skill above 5", lambda d: group(d).update(skills={"help": 9}), ["skills.help", "5"]),
    ("nobody able", lambda d: group(d).update(skills={"x": 1}), ["types.help.needs", "no group"]),
    ("a priority of no type", lambda d: group(d).update(priority={"x": 1}), ["allowed: help"]),
    ("agents and shifts", lambda d: group(d).pop("agents"), ["groups.all.agents", "shifts"]),
    (
        "a shift backwards",
        lambda d: group(d).update(agents=None, shifts=[{"agents": 1, "hours": ["9:00-8:00"]}]),
        ["shifts.0.hours", "in order"],
    ),
    (
        "a transfer to no type",
        lambda d: kind(d).update(transfers=[{"to": "x", "share": 0.1}]),
        ["types.help.transfers.to", "allowed: help"],
    ),
    (
        "too many transfers",
        lambda d: kind(d).update(transfers=[{"to": "help", "share": 0.6}] * 2),
        ["transfers", "more than 1"],
    ),
    (
        "silence without patience",
        lambda d: kind(d).update(silent={"share": 0.5, "notice": {"mean_s": 1}}),
        ["silent", "patience"],
    ),
    ("one replication", lambda d: d.update(replications=1), ["replications", "2"]),
]


@pytest.mark.parametrize(("spoil", "told"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_wrong_scenario_is_told_the_file_the_field_and_what_is_allowed(
    spoil: Spoil, told: list[str]
) -> None:
    data = copy.deepcopy(SOUND)
    spoil(data)

    with pytest.raises(ScenarioError) as error:
        make_scenario(data, source="centre.yaml")

    assert str(error.value).startswith("centre.yaml: ")
    for words in told:
        assert words in str(error.value)


def test_every_mistake_is_told_at_once() -> None:
    data = copy.deepcopy(SOUND)
    data.update(seed=-1, lines=0)

    with pytest.raises(ScenarioError) as error:
        make_scenario(data)

    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["{", "- a list", "name: 2020-13-45", "\x00"])
def test_a_file_that_is_no_scenario_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    with pytest.raises(ScenarioError, match=r"bad\.yaml: "):
        read_scenario(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: cannot be read"):
        read_scenario("nowhere.yaml")


def test_a_clock_time_without_quotes_is_a_time_of_day(tmp_path: Path) -> None:
    data = copy.deepcopy(SOUND)
    kind(data)["arrivals"] = [{"from": "00:00", "per_hour": 1}, {"from": "12:30", "per_hour": 2}]
    path = tmp_path / "clock.yaml"
    path.write_text(yaml.safe_dump(data).replace("'12:30'", "12:30"))

    found = read_scenario(path)

    assert found.types["help"].arrivals[1].from_s == 12.5 * 3600


@pytest.mark.parametrize("path", sorted(Path("examples/scenarios").glob("*.yaml")), ids=str)
def test_every_example_can_be_read(path: Path) -> None:
    assert read_scenario(path).types
