"""The load's own wire, against a small server that answers as `docs/protocol.md` says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.load import Load
from benchmarks.wire_raydesk import RaydeskError, RaydeskWire


class Desk:
    """One organisation with one agent who serves every session; answers in batches."""

    def __init__(self, *, refuse: str = "") -> None:
        self.refuse = refuse
        self.receipts: list[dict[str, Any]] = []
        self._agent: ServerConnection | None = None
        self._customers: dict[str, ServerConnection] = {}
        self._seq: dict[str, int] = {}

    async def __call__(self, socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        if hello["token"] == "forged":
            await self._send(socket, {"t": "error", "code": "bad_token", "detail": "No."})
            await socket.close(4401)
            return
        await self._send(socket, {"t": "welcome", "you": {"id": hello["token"]}, "org": "o"})
        async for text in socket:
            await self._take(socket, json.loads(text))

    async def _take(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        match frame["t"]:
            case "status":
                self._agent = socket
                ack = {"t": "ack", "client_id": frame["client_id"]}
                await self._send(socket, {"t": "agent", "agent": "a", "sessions": []}, ack)
            case "start":
                session = str(len(self._customers) + 1)
                self._customers[session] = socket
                ack = {"t": "ack", "client_id": frame["client_id"], "session": session, "seq": 0}
                await self._send(socket, ack)
                assert self._agent is not None
                await self._send(
                    self._agent, {"t": "session", "session": session, "you": "serving"}
                )
            case "say":
                await self._say(socket, frame)
            case "receipt":
                self.receipts.append(frame)

    async def _say(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        session, client_id = frame["session"], frame["client_id"]
        if self.refuse:
            error = {"t": "error", "code": self.refuse, "detail": "", "client_id": client_id}
            await self._send(socket, error)
            return
        seq = self._seq[session] = self._seq.get(session, 0) + 1
        message = {"t": "message", "session": session, "seq": seq, "client_id": client_id}
        await self._send(socket, {"t": "ack", "client_id": client_id, "seq": seq}, message)
        assert self._agent is not None
        for other in {self._agent, self._customers[session]} - {socket}:
            # In three fragments, as a proxy may cut it.
            text = json.dumps(message)
            await other.send([text[:5], text[5:9], text[9:]])

    async def _send(self, socket: ServerConnection, *frames: dict[str, Any]) -> None:
        await socket.send(json.dumps(frames if len(frames) > 1 else frames[0]))


async def play(desk: Desk, customers: list[str], receipt_s: float = 0.0) -> tuple[Any, RaydeskWire]:
    async with serve(desk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        wire = RaydeskWire(f"ws://127.0.0.1:{port}/", customers, ["agent"], receipt_s=receipt_s)
        load = Load(wire, ["hello"], "t")
        await wire.open(load)
        phase = await load.open(0.2, 100.0, even=True)
        await wire.close()
    return phase, wire


async def test_talks_are_opened_and_every_message_is_counted_on_both_sides() -> None:
    phase, wire = await play(Desk(), ["c1", "c2"])
    assert sorted(wire.sessions) == ["1", "2"]
    assert phase.sent == phase.acked == phase.delivered == 20
    assert (phase.lost, phase.duplicated, phase.out_of_order) == (0, 0, 0)


async def test_receipts_are_cumulative_and_fewer_than_the_messages() -> None:
    desk = Desk()
    await play(desk, ["c1"], receipt_s=0.05)
    assert 0 < len(desk.receipts) < 2 * 20
    delivered = [receipt["delivered"] for receipt in desk.receipts]
    assert delivered == sorted(delivered)


async def test_a_refused_message_is_counted_by_its_code() -> None:
    phase, _ = await play(Desk(refuse="overloaded"), ["c1"])
    assert phase.refused == {"overloaded": 20}
    assert phase.acked == 0


async def test_a_refused_token_ends_the_run_with_the_reason() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await play(Desk(), ["forged"])
    assert caught.group_contains(RaydeskError, match="bad_token")
