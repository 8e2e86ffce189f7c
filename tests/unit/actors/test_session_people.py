from __future__ import annotations

import msgspec
import pytest

from actors.messages import Join, Person, Transfer
from actors.session.people import is_hidden, standing, supervises
from tests.support.sessions import ANN, BEN, BOT, CUSTOMER, LEA, Story, talking, with_queue


@pytest.fixture
def story() -> Story:
    """Ann serves, consults Ben, and Lea has joined."""
    story = talking()
    story.does(Transfer, ANN, agent="ben", warm=True)
    story.assigned("ben")
    story.does(Join, LEA)
    return story


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (CUSTOMER, "customer"),
        (ANN, "serving"),
        (BEN, "consulting"),
        (LEA, "joined"),
        (BOT, "none"),
        (Person(id="ann", role="customer"), "none"),
        (Person(id="carol", role="agent"), "none"),
    ],
)
def test_everyone_is_what_the_records_say(story: Story, person: Person, expected: str) -> None:
    story.crash()
    assert standing(story.machine._state, person) == expected


def test_after_the_end_only_the_customer_is_somebody(story: Story) -> None:
    story.ends(CUSTOMER)
    story.advance(60)
    people = (CUSTOMER, ANN, BEN, LEA)
    found = [standing(story.machine._state, person) for person in people]
    assert found == ["customer", "none", "none", "none"]


def test_leaders_and_admins_lead() -> None:
    state = talking().machine._state
    people = (LEA, Person(id="root", role="admin"), ANN, CUSTOMER, Person(id="x", role="nobody"))
    found = [supervises(state, person, "sessions:join") for person in people]
    assert found == [True, True, False, False, False]


def test_the_settings_are_newer_than_what_a_socket_says() -> None:
    state = talking().machine._state
    assert not supervises(state, Person(id="ann", role="admin"), "sessions:join")


def test_a_leader_elsewhere_sees_nothing_but_what_it_takes_part_in(story: Story) -> None:
    config = with_queue("sales", groups=["north"])
    agents = {
        key: msgspec.structs.replace(agent, groups=["south" if key == "lea" else "north"])
        for key, agent in config.agents.items()
    }
    config = msgspec.structs.replace(config, agents=agents)
    away = talking(config).machine._state
    assert is_hidden(away, LEA)
    assert not is_hidden(away, BEN), "an agent is a stranger, as before"
    assert not is_hidden(story.machine._state, LEA), "Lea has joined"
