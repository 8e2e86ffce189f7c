from __future__ import annotations

from actors.addresses import Conn
from actors.session.room import CONNS_MAX, Room
from tests.support.sessions import ANN, ANN_PC, CUSTOMER, LAPTOP, LEA, LEA_PC, PHONE


def _room() -> Room:
    room = Room()
    for conn, person in ((PHONE, CUSTOMER), (LAPTOP, CUSTOMER), (ANN_PC, ANN), (LEA_PC, LEA)):
        room.add(conn, person)
    return room


def test_a_room_knows_its_sides() -> None:
    room = _room()
    assert room.customers == (PHONE, LAPTOP)
    assert room.staff == (ANN_PC, LEA_PC)
    assert room.everyone == (PHONE, LAPTOP, ANN_PC, LEA_PC)


def test_a_socket_is_there_once() -> None:
    room = _room()
    room.add(PHONE, CUSTOMER)
    assert room.everyone.count(PHONE) == 1


def test_only_the_named_agents_sockets_go() -> None:
    room = _room()
    assert room.drop_agent("ann") == (ANN_PC,)
    assert room.drop_agent("carol") == (), "a customer's id is not an agent's"
    assert room.staff == (LEA_PC,)
    assert room.drop_staff() == (LEA_PC,)
    assert room.everyone == (PHONE, LAPTOP)


def test_a_gateway_takes_its_own_sockets_only() -> None:
    room = _room()
    room.drop_gateway("g1")
    assert room.gateways() == {"g2"}
    room.drop(PHONE)
    assert room.everyone == (LAPTOP, LEA_PC)


def test_a_room_is_bounded() -> None:
    room = Room()
    for number in range(CONNS_MAX):
        assert not room.full
        room.add(Conn("g", number), CUSTOMER)
    assert room.full
