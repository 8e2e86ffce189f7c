"""No organisation sees another's over the wire: every frame of `serve/wire.py` with ids that the
other has, and with ids that never were. The answers are the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

import pytest

from examples.signing_in import Api
from serve import wire as w
from tests.support.actor_system import until
from tests.support.real import Real
from tests.support.tenants import MARK, Pair, Tenant, filled, missing

pytest_plugins = ["tests.support.real", "tests.support.tenants"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

CID = {"client_id": "c1"}
IN_SESSION: dict[type, dict[str, Any]] = {
    w.SayFrame: {**CID, "body": {"kind": "text", "text": "x"}},
    w.RecallFrame: {**CID, "seq": 1},
    w.ReceiptFrame: {"read": 1},
    w.TypingWire: {"preview": "x"},
    w.End: CID,
    w.RateFrame: {**CID, "score": 5},
    w.WrapUp: CID,
    w.TransferFrame: {**CID, "queue": "desk"},
    w.CompleteTransferFrame: CID,
    w.CancelTransferFrame: CID,
    w.Watch: CID,
    w.JoinFrame: CID,
    w.Leave: CID,
    w.TakeOverFrame: CID,
    w.Used: {"seq": 1, "topic": "t"},
}
FRAMES: dict[type, list[dict[str, Any]]] = {
    **{kind: [{"session": "{session}", **rest}] for kind, rest in IN_SESSION.items()},
    w.Accept: [{"offer": "{offers}", **CID}],
    w.Decline: [{"offer": "{offers}", **CID}],
    w.Start: [
        {"queue": "{queues}", **CID},
        {"queue": "desk", "needs": {"{skills}": 1}, "client_id": "c2"},
    ],
    w.Suggest: [],  # of oneself
    w.Hello: [],  # its cursors are tried in a test of their own
    w.Ping: [],
    w.Status: [],  # of oneself
}
BY_CUSTOMERS = (w.Start, w.RateFrame)


def test_every_frame_has_a_case() -> None:
    assert set(FRAMES) == set(get_args(w.ClientFrame))


async def heard(
    tenant: Tenant,
    token: str,
    frames: list[dict[str, Any]],
    *,
    by_customer: bool = False,
    until_answered: bool = False,
    **hello: Any,
) -> str:
    """Send frames on a new socket; return all that came before the answer to a last command that
    goes the same way."""
    ws = await tenant.socket(token, **hello)
    got: list[str] = []
    ready = "welcome" if by_customer else "agent"  # the second comes by itself, at its own time
    async with asyncio.timeout(60), ws:
        while json.loads(await ws.recv())["t"] != ready:
            pass
        for frame in frames:
            await ws.send(json.dumps(frame))
        session = next((one["session"] for one in frames if "session" in one), "1")
        last = {"t": "end", "session": session, "client_id": "the last"}
        if until_answered:
            last = frames[-1]
        else:
            await ws.send(json.dumps(last))
        while not got or json.loads(got[-1]).get("client_id") != last["client_id"]:
            got.append(str(await ws.recv()))
    kept = [json.loads(one) for one in got]
    kept = [one for one in kept if one["t"] in ("error", "ack", "message", "event", "detached")]
    return json.dumps(
        [{k: v for k, v in one.items() if k not in ("at", "retry_s")} for one in kept]
    )


@pytest.mark.parametrize("kind", FRAMES, ids=lambda kind: kind.__struct_config__.tag)
async def test_every_frame_is_answered_for_anothers_as_for_what_never_was(
    pair: Pair, kind: Any
) -> None:
    thief, told = pair.thief, []
    for ids in (pair.victim.ids, missing(pair.victim.ids)):
        for number, case in enumerate(FRAMES[kind]):
            frame = {"t": kind.__struct_config__.tag, **filled(case, ids)}
            token, by_customer = thief.token(), kind in BY_CUSTOMERS
            if by_customer:
                token = thief.shop.visitor_token(f"guest-{len(told)}-{number}")
            text = await heard(
                thief, token, [frame], by_customer=by_customer, until_answered="session" not in case
            )
            for name, one in ids.items():
                text = text.replace(one, name)
            told.append(_own_session_hidden(text) if kind is w.Start else text)
    half = len(told) // 2
    assert told[:half] == told[half:]


def _own_session_hidden(text: str) -> str:
    """A session that is opened for the asker has another id each time."""
    return str([(one["t"], one.get("code")) for one in json.loads(text) if "client_id" in one])


async def test_cursors_of_anothers_sessions_are_as_those_of_none(pair: Pair) -> None:
    told = []
    for token in (pair.thief.token(), pair.thief.shop.visitor_token("guest-cursors")):
        for ids in (pair.victim.ids, missing(pair.victim.ids)):
            cursors, guest = {ids["session"]: {"seq": 1}}, len(told) >= 2
            text = await heard(pair.thief, token, [], by_customer=guest, cursors=cursors)
            told.append(text.replace(ids["session"], "session"))
    assert told[0] == told[1]
    assert told[2] == told[3]


async def test_the_attacked_session_has_heard_nothing(pair: Pair, real: Real) -> None:
    api = Api(real.http_url)
    token = pair.victim.token(f"agent-{MARK}", "agent")

    async def whole() -> bool:
        return len(await api.history_seqs(pair.session, token)) > 0

    await until(whole)
    async with pair.victim.http() as http:
        answer = await http.get(f"/v1/sessions/{pair.session}/messages", params={"limit": 500})
    await api.close()
    frames = answer.json()["frames"]
    people = {frame.get("from", {}).get("id", "") for frame in frames if frame["t"] == "message"}
    assert people == {f"customer-{MARK}"}
    assert not any(frame.get("kind") in ("closed", "joined", "taken_over") for frame in frames)
