"""No id, however it is made, names another's key in Redis."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from actors.addresses import Address
from infra.announced import body_key
from infra.customers import customer_key
from infra.journal import keys
from infra.oauth_store import _device, _index, _name

STRANGE = st.text(st.sampled_from("a:/{}%*?\n\0é. "), max_size=6)
ID = st.text(st.sampled_from("a:%*?é."), min_size=1, max_size=6)
"""What the directory lets be an organisation's or an account's id."""


@given(one=st.tuples(STRANGE, STRANGE), other=st.tuples(STRANGE, STRANGE))
def test_no_id_names_anothers_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    if one == other:
        return
    assert customer_key(*one) != customer_key(*other)
    assert _index(*one) != _index(*other)
    assert _device(*one, "d") != _device(*other, "d")


def test_no_separator_can_be_said_in_an_id() -> None:
    pairs = [("a", "b:c"), ("a:b", "c"), ("a}", "b"), ("a", "}b"), ("{a", "b"), ("a%3Ab", "c")]
    for one, other in itertools.combinations(pairs, 2):
        assert customer_key(*one) != customer_key(*other)
        assert _index(*one) != _index(*other)
    for one in pairs:
        stored = body_key("config", one[:1])
        for made in (customer_key(*one), _index(*one), stored, _name("s", one[1])):
            # One hash tag, the one that we made: a script's keys stay in one slot.
            assert (made.count("{"), made.count("}")) == (1, 1)


@given(one=st.tuples(ID, ID), other=st.tuples(ID, ID))
def test_no_actors_records_are_anothers(one: tuple[str, str], other: tuple[str, str]) -> None:
    if one != other:
        first, second = Address("agent", *one), Address("agent", *other)
        assert keys.records(first) != keys.records(second)
        assert keys.records(first) != keys.timeline(second, "main")
