"""Room for a replay in the demo organisation."""

from __future__ import annotations

from examples.own_system import with_room
from examples.replay import parse_arguments
from infra.directory.declared import read_file
from serve.people import DEMO


def test_those_who_serve_the_queue_get_room_for_all() -> None:
    demo = read_file(DEMO)
    roomy = with_room(demo, "travel", 300)
    changed = {name for name, agent in roomy.agents.items() if agent != demo.agents[name]}
    assert changed == {"alice", "bob", "lead"}
    assert sum(roomy.agents[name].capacity for name in changed) >= 300
    assert roomy.queues == demo.queues


def test_nobody_loses_room() -> None:
    demo = read_file(DEMO)
    assert with_room(demo, "travel", 3) == demo


def test_a_replay_of_the_demo_goes_to_its_people_and_elsewhere_to_the_entry_queue() -> None:
    given = ["dialogues.jsonl", "--url=http://here", "--agents=ann:secret"]
    assert parse_arguments(given).queue == "travel"
    assert parse_arguments([*given, "--org=acme"]).queue == ""
    assert parse_arguments([*given, "--org=acme", "--queue=vip"]).queue == "vip"
