from __future__ import annotations

import pytest

from actors.messages import Join, Person, Transfer
from actors.session.people import is_leader, standing
from tests.support.sessions import ANN, BEN, BOT, CUSTOMER, LEA, Story, talking


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
    admin = Person(id="root", role="admin")
    assert [is_leader(p) for p in (LEA, admin, ANN, CUSTOMER)] == [True, True, False, False]
