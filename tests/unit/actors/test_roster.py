"""Entities in memory, and their alarms."""

from __future__ import annotations

from actors.addresses import Address
from actors.roster import Roster
from tests.support.actor_system import demo_config
from tests.support.toy import Toy


def toy(roster: Roster, alarm: float | None, name: str = "1") -> Toy:
    made = Toy(Address("session", "acme", name), demo_config())
    made.alarm = alarm
    roster.add(made)
    roster.schedule(made)
    return made


def test_an_alarm_rings_when_it_is_due_and_only_once() -> None:
    roster = Roster()
    machine = toy(roster, 10.0)
    assert roster.due(9.9) == []
    assert roster.due(10.0) == [machine.address]
    machine.alarm = None
    assert roster.due(99.0) == []


def test_an_alarm_that_moved_on_rings_at_the_later_time() -> None:
    roster = Roster()
    machine = toy(roster, 10.0)
    for moment in range(1000):
        machine.alarm = 20.0 + moment
        roster.schedule(machine)
    assert roster.due(10.0) == []
    assert roster.next_alarm() == machine.alarm
    assert roster.due(20.0 + 999) == [machine.address]


def test_an_alarm_that_moved_forward_rings_at_the_earlier_time() -> None:
    roster = Roster()
    machine = toy(roster, 10.0)
    machine.alarm = 5.0
    roster.schedule(machine)
    assert roster.due(5.0) == [machine.address]


def test_who_left_is_not_woken() -> None:
    roster = Roster()
    machine = toy(roster, 10.0)
    roster.drop(machine.address)
    assert roster.due(99.0) == []


def test_equal_deadlines_all_ring() -> None:
    roster = Roster()
    addresses = [toy(roster, 10.0, str(n)).address for n in range(5)]
    assert sorted(roster.due(10.0), key=str) == sorted(addresses, key=str)
