"""The history page reads what the journal wrote, on a real Valkey."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from actors.addresses import Address
from actors.frames import Event, Message, encode_frame
from actors.messages import Body, Customer, Person
from actors.placement import Placement
from actors.ports import Change, Track
from actors.session.state import Opening
from infra.journal import RedisJournal
from serve.api_history import RedisHistory

pytest_plugins = ["tests.support.server_fixtures"]

SESSION = Address("session", "acme", "7")
TOM = Person(id="tom", role="customer")
BOB = Person(id="bob", role="agent")


def said(seq: int, who: Person, track: Track = "main") -> tuple[Track, int, bytes]:
    body = Body(kind="text", text=f"line {seq}")
    frame = Message(session="7", seq=seq, id=str(seq), from_=who, at=1.0, body=body)
    return track, seq, encode_frame(frame)


async def written(redis: Redis) -> RedisHistory:
    """Journal a session of four frames and one aside."""
    scope = Placement(session=1, agent=1, queue=1, dispatch=1).scope("session-0")
    journal = RedisJournal(redis, scope, 1, cluster=False, outbox_cap=100)
    await journal.claim()
    opening = Opening(customer=Customer(id="tom"), at=1.0, queue="help")
    assigned = Event(session="7", seq=2, id="2", at=1.0, kind="assigned", agent="ann")
    change = Change(
        address=SESSION,
        puts={"opening": msgspec.json.encode(opening)},
        frames=[
            said(1, TOM),
            ("main", 2, encode_frame(assigned)),
            said(3, BOB),
            said(4, TOM),
            said(1, BOB, "aside"),
        ],
    )
    await journal.commit([change], [])
    return RedisHistory(redis)


async def test_pages_hold_what_was_journaled_track_by_track(redis: Redis) -> None:
    history = await written(redis)
    pages = [await history.page("acme", "7", "main", after, 2) for after in (0, 2, 4)]
    seqs = [[msgspec.json.decode(frame)["seq"] for frame in page] for page in pages]
    assert seqs == [[1, 2], [3, 4], []]
    assert len(await history.page("acme", "7", "aside", 0, 9)) == 1
    assert await history.page("other", "7", "main", 0, 9) == []


async def test_it_knows_whose_session_it_is_and_who_took_part(redis: Redis) -> None:
    history = await written(redis)
    assert await history.customer("acme", "7") == "tom"
    assert await history.customer("other", "7") is None
    assert await history.customer("acme", "8") is None
    found = {agent: await history.took_part("acme", "7", agent) for agent in ("ann", "bob", "eve")}
    assert found == {"ann": True, "bob": True, "eve": False}
