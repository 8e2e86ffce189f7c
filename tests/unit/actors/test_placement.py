"""Where entities live."""

from __future__ import annotations

import pytest

from actors.addresses import PARTITION_N, Address
from actors.placement import Placement

QUEUE = Address("queue", "acme", "vip/gold")


def test_every_entity_has_one_role_and_its_scope_holds_it() -> None:
    for placement in (Placement(session=5, queue=3), Placement(session="per-entity")):
        for n in range(200):
            for kind in ("session", "queue"):
                address = Address(kind, "acme", str(n))
                assert placement.scope(placement.role(address)).holds(address)


def test_the_shards_of_a_kind_share_all_partitions() -> None:
    placement = Placement(session=5)
    partitions = [p for n in range(5) for p in placement.scope(f"session-{n}").all_partitions()]
    assert sorted(partitions) == list(range(PARTITION_N))


def test_an_entity_of_its_own_keeps_slashes_in_its_id() -> None:
    placement = Placement(queue="per-entity")
    scope = placement.scope(placement.role(QUEUE))
    assert scope.entity == QUEUE
    assert not scope.holds(Address("queue", "acme", "vip"))


@pytest.mark.parametrize("role", ["session-9", "queue-0", "robot-1", "session-x", "robot/acme/1"])
def test_a_role_of_another_placement_is_refused(role) -> None:
    with pytest.raises(ValueError, match=r"."):
        Placement(session=2, queue="per-entity").scope(role)


def test_more_shards_than_partitions_make_no_sense() -> None:
    with pytest.raises(ValueError, match="1 to 16"):
        Placement(session=65)
