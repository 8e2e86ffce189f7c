"""The gateway's promises, told with a fake fabric in the place of every actor."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from actors import messages as m
from actors.addresses import Address
from actors.frames import (
    Ack,
    AgentFrame,
    Detached,
    Error,
    ErrorCode,
    Event,
    Message,
    Receipt,
    SessionFrame,
    encode_frame,
)
from actors.messages import Body, Envelope, Person
from actors.ports import Delivery
from bot.outcomes import SessionOutcome
from serve.gateway.core import OVER
from serve.gateway.following import RESUME_N
from serve.gateway.opening import DoorClosedError, Peer

ANN = Person(id="ann", role="agent", name="Ann")
TOM = Person(id="tom", role="customer", name="Tom")


def message(session: str, seq: int, text: str = "hi", **more: Any) -> Message:
    return Message(
        session=session,
        seq=seq,
        id=f"9{seq}",
        from_=TOM,
        at=1.0,
        body=Body(kind="text", text=text),
        **more,
    )


def snapshot(session: str, seq: int = 0, state: str = "talking", **more: Any) -> SessionFrame:
    return SessionFrame(session=session, state=state, customer=TOM, queue="help", seq=seq, **more)


def say(
    session: str = "7", client_id: str = "c1", text: str = "hello", **more: Any
) -> dict[str, Any]:
    body = {"kind": "text", "text": text}
    return {"t": "say", "session": session, "client_id": client_id, "body": body, **more}


async def settle() -> None:
    """Let the gateway's own tasks run to their end on fakes that never wait."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- opening -------------------------------------------------------------------------------


async def test_a_new_customer_is_welcomed_without_a_session(desk: Any) -> None:
    tom = await desk.knock("customer:acme:tom")
    (welcome,) = desk.frames(tom)
    assert welcome["t"] == "welcome"
    assert welcome["you"] == {"id": "tom", "role": "customer", "name": "Tom"}
    assert welcome["org"] == "acme"
    assert "session" not in welcome
    assert desk.fabric.take() == []


async def test_a_returning_customer_is_attached_from_its_cursor(desk: Any) -> None:
    desk.customers.sessions[("acme", "tom")] = "7"
    tom = await desk.knock("customer:acme:tom", cursors={"7": {"seq": 5, "aside": 0}})
    (welcome,) = desk.frames(tom)
    assert (welcome["session"], welcome["resumed"]) == ("7", ["7"])
    assert desk.fabric.take() == [("7", m.Attach(conn=tom.conn, person=tom.person, after=5))]


async def test_a_customer_gets_the_end_of_a_session_that_closed_meanwhile(desk: Any) -> None:
    tom = await desk.knock("customer:acme:tom", cursors={"6": {"seq": 2}})
    (welcome,) = desk.frames(tom)
    assert "session" not in welcome
    assert welcome["resumed"] == ["6"]
    assert [c.after for _, c in desk.fabric.take()] == [2]


async def test_an_agents_device_is_connected_and_a_bots_is_available(desk: Any) -> None:
    ann = await desk.knock("agent:acme:ann")
    bot = await desk.knock("agent:acme:botty")
    (_, first), (_, second) = desk.fabric.take()
    assert first == m.ConnectAgent(conn=ann.conn, person=ann.person, status="")
    assert second == m.ConnectAgent(conn=bot.conn, person=bot.person, status="available")
    assert bot.person.kind == "bot"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "bad_token"),
        ("rubbish", "bad_token"),
        ("customer:nowhere:tom", "bad_token"),
        ("agent:acme:nobody", "bad_token"),
        ("agent:acme:gone", "bad_token"),
    ],
)
async def test_who_cannot_be_known_stays_outside(desk: Any, token: Any, code: Any) -> None:
    with pytest.raises(DoorClosedError) as refused:
        await desk.knock(token)
    assert refused.value.code == code
    assert refused.value.close_code == 4401
    assert desk.gateway.open_n() == 0


async def test_the_settings_decide_the_role_not_the_token(desk: Any) -> None:
    ann = await desk.open("leader:acme:ann")
    assert ann.person.role == "agent"
    desk.say(ann, {"t": "watch", "session": "7", "client_id": "w"})
    assert desk.frames(ann)[0]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("token", "origin", "enters"),
    [
        ("customer:acme:tom", None, True),
        ("customer:acme:tom", "https://shop.example", True),
        ("customer:acme:tom", "https://desk.example", True),
        ("customer:acme:tom", "https://shop.example.evil.test", False),
        ("customer:acme:tom", "http://shop.example", False),
        ("customer:acme:tom", "null", False),
        ("agent:acme:ann", "https://desk.example", True),
        ("agent:acme:ann", "https://shop.example", False),
    ],
)
async def test_only_pages_of_listed_origins_may_connect(
    desk: Any, token: Any, origin: Any, enters: Any
) -> None:
    if enters:
        await desk.open(token, peer=Peer(origin))
        return
    with pytest.raises(DoorClosedError) as refused:
        await desk.open(token, peer=Peer(origin))
    assert (refused.value.code, refused.value.close_code) == ("forbidden", 4403)


async def test_the_first_frame_must_be_hello(desk: Any, make_sink: Any) -> None:
    for first in ('{"t":"ping"}', "[]", "nonsense", '[{"t":"hello"},{"t":"ping"}]'):
        with pytest.raises(DoorClosedError):
            await desk.gateway.open(make_sink(), Peer(), first)


async def test_the_token_may_come_in_the_subprotocol(desk: Any, make_sink: Any) -> None:
    tom = await desk.gateway.open(make_sink(), Peer(token="customer:acme:tom"), '{"t":"hello"}')
    assert tom.identity.subject == "tom"


async def test_a_second_hello_is_a_bad_frame(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "hello", "token": "customer:other:eve"})
    assert desk.frames(tom)[0]["code"] == "bad_frame"
    assert tom.identity.org == "acme"


async def test_one_person_too_many_connections_is_told_to_close_some(make_desk: Any) -> None:
    desk = make_desk(customer_connections=2)
    for _ in range(2):
        await desk.open("customer:acme:tom")
    with pytest.raises(DoorClosedError) as refused:
        await desk.open("customer:acme:tom")
    assert (refused.value.code, refused.value.close_code) == ("overloaded", 1013)
    await desk.open("customer:other:tom")
    await desk.open("agent:acme:ann")


async def test_a_full_gateway_says_so(make_desk: Any) -> None:
    desk = make_desk(connections=1)
    await desk.open("customer:acme:tom")
    with pytest.raises(DoorClosedError) as refused:
        await desk.open("customer:acme:eve")
    assert refused.value.code == "overloaded"
    assert refused.value.retry_s > 0


async def test_the_same_device_again_replaces_its_older_socket(desk: Any, make_sink: Any) -> None:
    old_sink = make_sink()
    old = await desk.open("agent:acme:ann", sink=old_sink, device="laptop")
    phone = await desk.open("agent:acme:ann", device="phone")
    await desk.open("agent:acme:ann", device="laptop")
    assert desk.frames(old)[0]["code"] == "duplicate_login"
    assert old_sink.closed_with is not None
    assert old_sink.closed_with[0] == 4409
    assert phone.is_open


# --- commands ------------------------------------------------------------------------------


async def test_what_is_said_is_signed_by_the_server(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, say())
    assert desk.fabric.sent == [
        Envelope(
            to=desk.fabric.sent[0].to,
            command=m.Say(
                conn=tom.conn,
                person=TOM,
                client_id="c1",
                body=Body(kind="text", text="hello"),
            ),
        )
    ]
    assert str(desk.fabric.sent[0].to) == "session/acme/7"


@pytest.mark.parametrize("forged", ["from", "seq", "at", "role", "org", "person", "conn", "id"])
async def test_a_forged_key_is_refused_and_named(desk: Any, forged: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, say(**{forged: "x"}))
    (error,) = desk.frames(tom)
    assert (error["code"], error["client_id"]) == ("bad_frame", "c1")
    assert forged in error["detail"]
    assert desk.fabric.take() == []


async def test_another_organisations_session_cannot_be_named(desk: Any) -> None:
    eve = await desk.open("customer:other:eve")
    desk.say(eve, say(session="7"))
    assert desk.fabric.sent[0].to.org == "other"
    desk.say(eve, say(session="acme/7"), say(session="../7"), say(session="9" * 21))
    assert [f["code"] for f in desk.frames(eve)] == ["unknown_session"] * 3
    assert len(desk.fabric.sent) == 1


@pytest.mark.parametrize(
    ("token", "frame"),
    [
        ("customer:acme:tom", {"t": "status", "status": "available"}),
        ("customer:acme:tom", {"t": "accept", "offer": "o"}),
        ("customer:acme:tom", {"t": "transfer", "session": "7", "queue": "help"}),
        ("customer:acme:tom", {"t": "wrap_up", "session": "7"}),
        ("customer:acme:tom", {"t": "watch", "session": "7"}),
        ("customer:acme:tom", {"t": "take_over", "session": "7"}),
        ("agent:acme:ann", {"t": "start"}),
        ("agent:acme:ann", {"t": "rate", "session": "7", "score": 5}),
        ("agent:acme:ann", {"t": "watch", "session": "7"}),
        ("agent:acme:ann", {"t": "join", "session": "7"}),
        ("agent:acme:ann", {"t": "take_over", "session": "7"}),
    ],
)
async def test_a_role_is_held_to_its_frames(desk: Any, token: Any, frame: Any) -> None:
    who = await desk.open(token)
    desk.say(who, {**frame, "client_id": "c9"})
    (error,) = desk.frames(who)
    assert (error["code"], error["client_id"]) == ("forbidden", "c9")
    assert desk.fabric.take() == []


async def test_a_customer_cannot_whisper(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, say(aside=True))
    assert desk.frames(tom)[0]["code"] == "forbidden"


@pytest.mark.parametrize("target", [{}, {"agent": "bob", "queue": "help"}])
async def test_a_transfer_names_one_target(desk: Any, target: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.say(ann, {"t": "transfer", "session": "7", "client_id": "c", **target})
    assert desk.frames(ann)[0]["code"] == "bad_frame"


async def test_ping_is_answered_by_the_gateway(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "ping"})
    assert desk.frames(tom) == [{"t": "pong", "at": 1000.0}]


async def test_bad_frames_disturb_nobody_not_even_their_own_socket(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    for text in ("{", "\x00", "[" * 60_000, "1", '{"t":1}', '{"t":"sing"}', "{" + '"a":{' * 9000):
        desk.gateway.receive(tom, text)
    desk.gateway.receive(tom, b"\xff\xfe")
    desk.gateway.receive(tom, '{"t":"say","pad":"' + "x" * 70_000 + '"}')
    desk.say(tom, say())
    codes = [frame["code"] for frame in desk.frames(tom)]
    assert codes == [*["bad_frame"] * 5, "unknown_frame", "bad_frame", "bad_frame", "too_large"]
    assert len(desk.fabric.take()) == 1


async def test_an_array_of_frames_is_taken_in_order_and_one_bad_one_harms_no_other(
    desk: Any,
) -> None:
    tom = await desk.open("customer:acme:tom")
    array = [say(client_id="a"), {"t": "say", "client_id": "b"}, say(client_id="c")]
    desk.gateway.receive(tom, msgspec.json.encode(array))
    assert [c.client_id for _, c in desk.fabric.take()] == ["a", "c"]
    assert [f["client_id"] for f in desk.frames(tom)] == ["b"]


async def test_too_many_frames_are_refused_with_a_time_then_the_socket_closes(
    make_desk: Any, make_sink: Any
) -> None:
    desk = make_desk(customer_rate=2.0, customer_burst=3.0, refused_n=5)
    sink = make_sink()
    tom = await desk.open("customer:acme:tom", sink=sink)
    desk.say(tom, *[say(client_id=str(n)) for n in range(5)])
    refused = desk.frames(tom)
    assert [(f["code"], f["client_id"]) for f in refused] == [
        ("overloaded", "3"),
        ("overloaded", "4"),
    ]
    assert refused[0]["retry_s"] == 0.5
    desk.now += 1.0
    desk.say(tom, say(client_id="again"))
    assert [c.client_id for _, c in desk.fabric.take()] == ["0", "1", "2", "again"]
    desk.say(tom, *[say() for _ in range(20)])
    assert sink.closed_with == (1008, "too many frames")


# --- start ---------------------------------------------------------------------------------


async def test_start_opens_one_session_and_acks_when_it_stands(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1", "queue": "help", "subject": "a lamp"})
    await settle()
    ((to, opened),) = desk.fabric.take()
    assert isinstance(opened, m.OpenSession)
    assert (opened.customer.id, opened.queue, opened.subject) == ("tom", "help", "a lamp")
    assert (opened.last_agent, opened.last_ended_at) == ("ann", 7.0)
    assert (opened.last_session, opened.last_decision) == ("s", "d")
    assert opened.conn == tom.conn
    assert desk.frames(tom) == []
    desk.soft(snapshot(to), tom)
    assert [f["t"] for f in desk.frames(tom)] == ["session", "ack"]


async def test_start_repeated_from_two_devices_is_the_same_session(desk: Any) -> None:
    one = await desk.open("customer:acme:tom")
    two = await desk.open("customer:acme:tom")
    for device, client_id in ((one, "a"), (one, "a"), (two, "b")):
        desk.say(device, {"t": "start", "client_id": client_id})
    await settle()
    assert len({to for to, _ in desk.fabric.take()}) == 1


async def test_the_customers_other_device_follows_the_new_session(desk: Any) -> None:
    one = await desk.open("customer:acme:tom")
    two = await desk.open("customer:acme:tom")
    desk.say(one, {"t": "start", "client_id": "a"})
    await settle()
    attached = [c.conn for _, c in desk.fabric.take() if isinstance(c, m.Attach)]
    assert attached == [two.conn]


async def test_a_start_that_meets_a_session_closed_just_now_opens_another(desk: Any) -> None:
    desk.customers.sessions[("acme", "tom")] = "7"
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    desk.fabric.take()
    desk.soft(snapshot("7", state="closed"), tom)
    await settle()
    ((fresh, _),) = desk.fabric.take()
    assert fresh != "7"
    desk.soft(snapshot(fresh), tom)
    session, ack = desk.frames(tom)
    assert (session["session"], ack["session"], ack["client_id"]) == (fresh, fresh, "s1")


async def test_a_start_is_not_refused_because_resuming_came_before_the_opening(desk: Any) -> None:
    desk.customers.sessions[("acme", "tom")] = "7"  # by a gateway that died then
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    assert [type(c) for _, c in desk.fabric.take()] == [m.OpenSession, m.Attach]
    desk.soft(Error(code="unknown_session", detail="No.", session="7"), tom)
    assert (desk.frames(tom), list(tom.attached)) == ([], ["7"])
    desk.soft(snapshot("7"), tom)
    session, ack = desk.frames(tom)
    assert (session["session"], ack["client_id"]) == ("7", "s1")


async def test_a_store_that_goes_away_between_two_tries_is_told_too(desk: Any) -> None:
    desk.customers.sessions[("acme", "tom")] = "7"
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    desk.customers.broken = True
    desk.soft(snapshot("7", state="closed"), tom)
    await settle()
    (error,) = desk.frames(tom)
    assert (error["code"], error["client_id"]) == ("overloaded", "s1")


@pytest.mark.parametrize(
    ("before", "away_s", "told"),
    [
        (None, 0.0, False),
        ("7", 60.0, True),
        ("7", 24 * 3600.0, True),
        ("7", 24 * 3600.0 + 1.0, False),
        ("100", 60.0, False),  # it is going on: only the word that it was over is early
    ],
)
async def test_who_comes_back_after_a_bot_served_alone_is_told_to_the_report(
    desk: Any, before: str | None, away_s: float, told: bool
) -> None:
    if before is not None:
        desk.customers.by_bots["tom"] = (before, desk.now - away_s)
    tom = await desk.open("customer:acme:tom")
    desk.outcomes_full = True
    desk.say(tom, {"t": "start", "client_id": "s1", "queue": "help"})
    await settle()
    expected = [SessionOutcome(org="acme", id="7", returned=True)] if told else []
    assert desk.outcomes == expected
    assert desk.metrics.counts.get(("outcomes_dropped_total", "", "acme"), 0) == len(expected)


async def test_a_refused_start_names_its_client_id(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    ((session, _),) = desk.fabric.take()
    desk.soft(Error(code="blacklisted", detail="No.", session=session), tom)
    (error,) = desk.frames(tom)
    assert (error["code"], error["client_id"]) == ("blacklisted", "s1")


async def test_a_store_that_is_away_costs_the_customer_a_retry(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.customers.broken = True
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    (error,) = desk.frames(tom)
    assert (error["code"], error["client_id"]) == ("overloaded", "s1")
    assert error["retry_s"] > 0
    desk.customers.broken = False
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    assert len(desk.fabric.take()) == 1


async def test_a_repeated_start_asks_for_the_snapshot_that_answers_it(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "start", "client_id": "s1"})
    await settle()
    ((session, _),) = desk.fabric.take()
    desk.soft(snapshot(session), tom)
    desk.frames(tom)
    desk.say(tom, {"t": "start", "client_id": "s2"})
    await settle()
    assert [type(c) for _, c in desk.fabric.take()] == [m.OpenSession, m.Attach]
    desk.soft(snapshot(session), tom)
    assert [f.get("client_id") for f in desk.frames(tom)] == [None, "s2"]


# --- frames out ----------------------------------------------------------------------------


async def test_a_frame_that_a_socket_has_is_not_sent_again(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    for seq in (1, 2, 2, 1, 3):
        desk.journal(message("7", seq), tom)
    assert [f["seq"] for f in desk.frames(tom)] == [1, 2, 3]


async def test_the_two_tracks_are_numbered_apart(desk: Any) -> None:
    lea = await desk.open("leader:acme:lea")
    desk.journal(message("7", 1), lea)
    desk.journal(message("7", 1, aside=True), lea, track="aside")
    desk.journal(message("7", 1, aside=True), lea, track="aside")
    assert [f.get("aside", False) for f in desk.frames(lea)] == [False, True]


async def test_a_missing_frame_is_asked_for_again_and_nothing_overtakes_it(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.journal(message("7", 1), tom)
    desk.journal(message("7", 3), tom)
    assert [c.after for _, c in desk.fabric.take()] == [1]
    desk.soft(snapshot("7", seq=3, from_seq=1), tom)
    for seq in (2, 3, 4):
        desk.journal(message("7", seq), tom)
    frames = desk.frames(tom)
    assert [f["seq"] for f in frames if f["t"] == "message"] == [1, 2, 3, 4]


async def test_a_reset_moves_the_cursor_to_where_the_frames_begin(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom", cursors={"7": {"seq": 2}})
    desk.soft(snapshot("7", seq=900, from_seq=800, reset=True), tom)
    desk.journal(message("7", 801), tom)
    assert [f["t"] for f in desk.frames(tom)] == ["session", "message"]
    assert desk.fabric.take() == []


async def test_a_cursor_from_the_future_is_cut_to_the_sessions_end(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom", cursors={"7": {"seq": 999_999}})
    desk.soft(snapshot("7", seq=10, from_seq=10), tom)
    desk.journal(message("7", 11), tom)
    assert [f["seq"] for f in desk.frames(tom)] == [10, 11]


async def test_a_delivery_to_many_skips_the_closed_ones(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    eve = await desk.open("customer:acme:eve")
    desk.gateway.closed(tom)
    desk.soft(Ack(client_id="x"), tom, eve)
    assert desk.frames(tom) == []
    assert len(desk.frames(eve)) == 1


async def test_frames_of_one_batch_leave_as_one_message_when_the_client_can(
    desk: Any, make_sink: Any
) -> None:
    sinks = make_sink(), make_sink()
    batching = await desk.open("customer:acme:tom", sink=sinks[0], batch=True)
    plain = await desk.open("customer:acme:eve", sink=sinks[1])
    before = [sink.wakes for sink in sinks]
    acks = [Ack(client_id=str(n)) for n in range(3)]
    batch = [
        Delivery((batching.number, plain.number), b'{"t":"ack","client_id":"%d"}' % n)
        for n in range(len(acks))
    ]
    desk.gateway.deliver(batch)
    assert [sink.wakes for sink in sinks] == [before[0] + 1, before[1] + 1]
    assert len(batching.take()) == 1
    assert len(plain.take()) == 3


async def test_a_slow_reader_is_closed_and_nobody_else_notices(
    make_desk: Any, make_sink: Any
) -> None:
    desk = make_desk(queue_bytes=10_000)
    slow_sink, quick_sink = make_sink(), make_sink()
    slow = await desk.open("customer:acme:tom", sink=slow_sink)
    quick = await desk.open("customer:acme:eve", sink=quick_sink)
    got = 0
    for seq in range(1, 101):
        desk.journal(message("7", seq, "x" * 200), slow, quick)
        got += len(desk.frames(quick))
    assert slow_sink.closed_with is not None
    assert slow_sink.closed_with[0] == 1013
    assert slow.queued == 0
    assert got == 100
    assert quick_sink.closed_with is None
    assert desk.metrics.counts[("slow_readers_total", "", "acme")] == 1


# --- agents follow their sessions ----------------------------------------------------------


def agent(*sessions: str, consults: tuple[str, ...] = ()) -> AgentFrame:
    return AgentFrame(
        agent="ann", status="available", since=1.0, sessions=list(sessions), consults=list(consults)
    )


async def test_an_agents_socket_follows_the_sessions_of_the_snapshot_once(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann", cursors={"7": {"seq": 3, "aside": 1}})
    desk.soft(agent("7", consults=("8",)), ann)
    desk.soft(agent("7", consults=("8",)), ann)
    assert desk.fabric.take() == [
        ("7", m.Attach(conn=ann.conn, person=ANN, after=3, aside_after=1)),
        ("8", m.Attach(conn=ann.conn, person=ANN)),
    ]
    assert [f["t"] for f in desk.frames(ann)] == ["agent", "agent"]


@pytest.mark.parametrize("code", sorted(OVER))
async def test_a_session_lost_while_away_is_asked_for_its_end_and_told_once(
    desk: Any, code: ErrorCode
) -> None:
    ann = await desk.open("agent:acme:ann", cursors={"7": {"seq": 3}})
    desk.soft(agent(), ann)
    desk.soft(agent(), ann)
    assert [(to, c.after) for to, c in desk.fabric.take()] == [("7", 3)]
    desk.soft(Error(code=code, detail="No.", session="7"), ann)
    frames = desk.frames(ann)
    assert [f["t"] for f in frames] == ["agent", "agent", "detached"]
    assert (frames[2]["session"], frames[2]["reason"]) == ("7", "not_yours")
    assert "7" not in ann.attached


async def test_a_leaders_watch_is_not_refused_because_a_lost_session_was_asked_for(
    desk: Any,
) -> None:
    lea = await desk.open("leader:acme:lea", cursors={"7": {"seq": 3}})
    desk.soft(agent(), lea)
    assert desk.fabric.take() == []
    assert [f["t"] for f in desk.frames(lea)] == ["agent", "detached"]
    desk.say(lea, {"t": "watch", "session": "7", "client_id": "w", "cursor": {"seq": 3}})
    assert [(to, c.watch) for to, c in desk.fabric.take()] == [("7", True)]
    desk.soft(snapshot("7", seq=4, from_seq=3), lea)
    assert [f["t"] for f in desk.frames(lea)] == ["session", "ack"]


async def test_of_many_lost_sessions_the_latest_are_asked(desk: Any) -> None:
    cursors = {str(number): {"seq": 1} for number in range(RESUME_N + 3)}
    ann = await desk.open("agent:acme:ann", cursors=cursors)
    desk.soft(agent(), ann)
    assert [to for to, _ in desk.fabric.take()] == list(cursors)[3:]
    told = [f["session"] for f in desk.frames(ann) if f["t"] == "detached"]
    assert told == ["0", "1", "2"]


async def test_a_closed_session_is_not_followed_again_because_an_old_snapshot_lists_it(
    desk: Any,
) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7"), ann)
    desk.fabric.take()
    desk.soft(Detached(session="7", reason="closed"), ann)
    assert desk.fabric.take() == []


async def test_after_detached_a_session_that_comes_back_is_followed_from_the_cursor(
    desk: Any,
) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7"), ann)
    desk.journal(message("7", 1), ann)
    desk.soft(agent(), ann)
    desk.soft(Detached(session="7", reason="transferred"), ann)
    assert [type(c) for _, c in desk.fabric.take()] == [m.Attach]
    desk.soft(agent("7"), ann)
    assert [c.after for _, c in desk.fabric.take()] == [1]


async def test_a_snapshot_that_overtakes_detached_is_not_forgotten(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7"), ann)
    desk.fabric.take()
    desk.soft(agent("7"), ann)
    desk.soft(Detached(session="7", reason="transferred"), ann)
    assert [to for to, _ in desk.fabric.take()] == ["7"]
    desk.frames(ann)
    desk.soft(Error(code="not_your_session", detail="No.", session="7"), ann)
    assert desk.frames(ann) == []


async def test_a_leader_watches_from_a_cursor_and_is_answered(desk: Any) -> None:
    lea = await desk.open("leader:acme:lea")
    desk.say(lea, {"t": "watch", "session": "7", "client_id": "w", "cursor": {"seq": 4}})
    ((_, attach),) = desk.fabric.take()
    assert (attach.watch, attach.after) == (True, 4)
    desk.soft(snapshot("7", seq=4, from_seq=4), lea)
    assert [f["t"] for f in desk.frames(lea)] == ["session", "ack"]


async def test_watching_what_does_not_exist_names_the_command(desk: Any) -> None:
    lea = await desk.open("leader:acme:lea")
    desk.say(lea, {"t": "watch", "session": "7", "client_id": "w"})
    desk.soft(Error(code="unknown_session", detail="No.", session="7"), lea)
    (error,) = desk.frames(lea)
    assert (error["code"], error["client_id"]) == ("unknown_session", "w")
    assert "7" not in lea.attached


async def test_a_leader_who_joins_follows_first(desk: Any) -> None:
    lea = await desk.open("leader:acme:lea")
    desk.say(lea, {"t": "join", "session": "7", "client_id": "j"})
    assert [type(c) for _, c in desk.fabric.take()] == [m.Attach, m.Join]
    desk.say(lea, {"t": "take_over", "session": "7", "client_id": "k"})
    assert [type(c) for _, c in desk.fabric.take()] == [m.TakeOver]


# --- faults --------------------------------------------------------------------------------


async def test_a_closed_socket_leaves_everything_it_followed(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7", "8"), ann)
    desk.fabric.take()
    desk.gateway.closed(ann)
    desk.gateway.closed(ann)
    assert [type(c) for _, c in desk.fabric.take()] == [m.Detach, m.Detach, m.DisconnectAgent]
    assert desk.metrics.gauges[("connections", "agent", "acme")] == 0


async def test_a_new_host_is_told_of_its_sockets_with_present_cursors(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7", "8"), ann)
    desk.journal(message("7", 1), ann)
    desk.fabric.take()
    for host in {desk.fabric.host_of(e) for e in _addresses("7", "8")}:
        desk.gateway.rehosted(host)
    sent = dict(desk.fabric.take())
    assert {session: c.after for session, c in sent.items()} == {"7": 1, "8": 0}
    assert ann.address is not None
    desk.gateway.rehosted(desk.fabric.host_of(ann.address))
    assert [type(c) for _, c in desk.fabric.take()] == [m.ConnectAgent]


def _addresses(*sessions: str) -> list[Address]:
    return [Address("session", "acme", session) for session in sessions]


async def test_a_command_that_no_host_took_is_told_to_its_sender(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, say())
    (envelope,) = desk.fabric.sent
    desk.gateway.refused(envelope, "overloaded", 2.0)
    (error,) = desk.frames(tom)
    assert (error["code"], error["client_id"], error["retry_s"]) == ("overloaded", "c1", 2.0)


async def test_an_attachment_that_no_host_took_is_tried_again(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7"), ann)
    (envelope,) = desk.fabric.sent
    desk.fabric.take()
    desk.gateway.refused(envelope, "overloaded", 1.0)
    assert desk.fabric.take() == []
    desk.delayed.pop()()
    assert [to for to, _ in desk.fabric.take()] == ["7"]
    assert [f["t"] for f in desk.frames(ann)] == ["agent"]


async def test_an_attachment_of_a_closed_socket_is_not_tried_again(desk: Any) -> None:
    ann = await desk.open("agent:acme:ann")
    desk.soft(agent("7"), ann)
    (envelope,) = desk.fabric.sent
    desk.gateway.closed(ann)
    desk.fabric.take()
    desk.gateway.refused(envelope, "overloaded", 1.0)
    desk.delayed.pop()()
    assert desk.fabric.take() == []


async def test_draining_closes_every_socket_and_lets_nobody_in(desk: Any, make_sink: Any) -> None:
    sink = make_sink()
    await desk.open("customer:acme:tom", sink=sink)
    await desk.gateway.drain()
    assert sink.closed_with is not None
    assert sink.closed_with[0] == 1012
    with pytest.raises(DoorClosedError) as refused:
        await desk.open("customer:acme:eve")
    assert refused.value.close_code == 1013


async def test_a_delivery_that_breaks_one_socket_reaches_the_next(
    desk: Any, make_sink: Any
) -> None:
    broken = make_sink()
    tom = await desk.open("customer:acme:tom", sink=broken)
    eve = await desk.open("customer:acme:eve")
    receipt = Delivery(
        (eve.number,), encode_frame(Receipt(session="7", side="agent", delivered=1, read=1))
    )
    desk.gateway.deliver([Delivery((tom.number,), b'{"t":"session","seq":"x"}'), receipt])
    assert broken.closed_with is not None
    assert broken.closed_with[0] == 1011
    assert [f["t"] for f in desk.frames(eve)] == ["receipt"]


async def test_errors_and_frames_are_counted(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    desk.say(tom, {"t": "ping"}, {"t": "sing"})
    desk.gateway.wrote(2)
    desk.gateway.report()
    assert desk.metrics.counts[("errors_total", "unknown_frame", "acme")] == 1
    assert desk.metrics.counts[("frames_in_total", "")] == 1
    assert desk.metrics.counts[("frames_out_total", "")] == 2


async def test_an_event_counts_as_a_journal_frame(desk: Any) -> None:
    tom = await desk.open("customer:acme:tom")
    event = Event(session="7", seq=1, id="5", at=1.0, kind="opened")
    desk.journal(event, tom)
    desk.journal(event, tom)
    assert len(desk.frames(tom)) == 1
