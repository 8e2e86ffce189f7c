"""A customer's current session, in a real Valkey."""

import asyncio

import pytest

from infra.customers import TTL_S, Current, RedisCustomers, customer_key

pytest_plugins = ["tests.support.server_fixtures"]


async def test_an_unknown_customer_has_nothing(redis):
    assert await RedisCustomers(redis).current("acme", "王") == Current()


async def test_of_many_who_claim_at_once_all_get_the_same_session(redis):
    customers = RedisCustomers(redis)
    answers = await asyncio.gather(
        *(customers.claim("acme", "ann", str(number)) for number in range(50))
    )
    assert len(set(answers)) == 1
    assert (await customers.current("acme", "ann")).session == answers[0]


async def test_forget_ends_only_the_session_it_names(redis):
    customers = RedisCustomers(redis)
    await customers.claim("acme", "ann", "1")
    await customers.forget("acme", "ann", "0")
    assert (await customers.current("acme", "ann")).session == "1"
    await customers.forget("acme", "ann", "1")
    assert await customers.claim("acme", "ann", "2") == "2"


async def test_the_last_agent_outlives_the_session(redis):
    customers = RedisCustomers(redis)
    await customers.claim("acme", "ann", "1")
    await customers.remember("acme", "ann", "alice", 1234567.25, session="1", decision="9")
    await customers.forget("acme", "ann", "1")
    assert await customers.current("acme", "ann") == Current("", "alice", 1234567.25, "1", "9")


async def test_the_last_session_with_a_bot_alone_is_remembered(redis):
    customers = RedisCustomers(redis)
    await customers.claim("acme", "ann", "1")
    for _ in range(2):
        await customers.forget("acme", "ann", "1", 1234567.25)
    await customers.claim("acme", "ann", "2")
    await customers.forget("acme", "ann", "2")
    found = await customers.current("acme", "ann")
    assert found == Current(bot_session="1", bot_ended_at=1234567.25)


async def test_entries_end_by_themselves(redis):
    customers = RedisCustomers(redis)
    await customers.forget("acme", "eve", "1", 1.0)
    await customers.claim("acme", "ann", "1")
    await customers.remember("acme", "bob", "alice", 1.0, session="1", decision="")
    for customer in ("ann", "bob", "eve"):
        assert 0 < await redis.ttl(customer_key("acme", customer)) <= TTL_S


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a:b", "c"), ("a", "b:c")),
        (("a}", "b"), ("a", "}b")),
        (("a", "b%3A"), ("a", "b:")),
        (("甲", "乙{x}"), ("甲", "乙")),
    ],
)
async def test_no_id_can_name_another_customer(redis, one, other):
    customers = RedisCustomers(redis)
    await customers.claim(one[0], one[1], "1")
    assert (await customers.current(*other)).session == ""
    inner = customer_key(*one)[1:-1]
    assert not set(inner) & set("{} *\n")
