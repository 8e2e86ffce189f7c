"""The load counts what a faulty server does: losses, copies, a wrong order, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from benchmarks import load as load_module
from benchmarks.load import Load, Phase
from benchmarks.loader import merge
from benchmarks.wires import Listener, Side

Behaviour = Callable[[Listener, int, Side, int, str], None]


class FakeWire:
    """A server in the same process; `behave` decides what it does with the n-th message."""

    def __init__(self, behave: Behaviour, talk_n: int = 1) -> None:
        self.talk_n = talk_n
        self.echoes = True
        self.said: list[tuple[int, Side]] = []
        self._behave = behave
        self._listener: Listener | None = None
        self._seq = [0] * talk_n

    async def open(self, listener: Listener) -> None:
        self._listener = listener

    def say(self, talk: int, side: Side, client_id: str, text: str) -> None:
        assert self._listener is not None
        assert text
        self._seq[talk] += 1
        self.said.append((talk, side))
        asyncio.get_running_loop().call_soon(
            self._behave, self._listener, talk, side, self._seq[talk], client_id
        )

    async def close(self) -> None:
        self._listener = None


def other(side: Side) -> Side:
    return 0 if side else 1


def honest(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
    listener.acked(client_id, seq)
    listener.delivered(talk, side, seq, client_id)  # a copy for the sender's other devices
    listener.delivered(talk, other(side), seq, client_id)


async def run_open(behave: Behaviour, talk_n: int = 1) -> tuple[Phase, FakeWire]:
    wire = FakeWire(behave, talk_n)
    load = Load(wire, ["hello"], "t")
    await wire.open(load)
    return await load.open(0.05, 400.0, even=True), wire


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "SILENCE_S", 0.05)


async def test_an_honest_server_has_no_faults_and_both_sides_speak() -> None:
    phase, wire = await run_open(honest, talk_n=2)
    assert phase.sent == phase.acked == phase.delivered == 20
    assert (phase.lost, phase.unanswered, phase.duplicated, phase.out_of_order) == (0, 0, 0, 0)
    assert {side for _, side in wire.said} == {0, 1}
    assert sum(phase.ack.values()) == sum(phase.deliver.values()) == 20


async def test_a_closed_loop_goes_on_from_answer_to_answer() -> None:
    wire = FakeWire(honest, talk_n=3)
    load = Load(wire, ["hello"], "t")
    await wire.open(load)
    phase = await load.closed(0.05, window=2)
    assert phase.done_in_time > 3 * 2
    assert phase.sent == phase.acked == phase.delivered


async def test_an_acked_message_that_never_arrives_is_lost() -> None:
    def forgets(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
        listener.acked(client_id, seq)
        listener.delivered(talk, side, seq, client_id)
        if seq != 5:
            listener.delivered(talk, other(side), seq, client_id)

    phase, _ = await run_open(forgets)
    assert (phase.lost, phase.unanswered) == (1, 0)


async def test_a_message_without_answer_is_not_called_lost() -> None:
    def ignores(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
        if seq != 5:
            honest(listener, talk, side, seq, client_id)

    phase, _ = await run_open(ignores)
    assert (phase.lost, phase.unanswered) == (0, 1)


async def test_a_second_copy_is_a_duplicate() -> None:
    def stutters(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
        honest(listener, talk, side, seq, client_id)
        if seq in (3, 4):
            listener.delivered(talk, other(side), seq, client_id)

    phase, _ = await run_open(stutters)
    assert phase.duplicated == 2


async def test_a_lower_seq_after_a_higher_one_is_out_of_order() -> None:
    held: list[tuple[int, Side, int, str]] = []

    def swaps(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
        if seq == 5:
            held.append((talk, side, seq, client_id))
            return
        honest(listener, talk, side, seq, client_id)
        if seq == 7:
            honest(listener, *held.pop())

    phase, _ = await run_open(swaps)
    at_both_receivers = 2
    assert phase.out_of_order == at_both_receivers
    assert (phase.lost, phase.duplicated) == (0, 0)


async def test_refusals_are_counted_by_code() -> None:
    def refuses(listener: Listener, talk: int, side: Side, seq: int, client_id: str) -> None:
        if seq == 2:
            listener.refused(client_id, "overloaded")
        else:
            honest(listener, talk, side, seq, client_id)

    phase, _ = await run_open(refuses)
    assert phase.refused == {"overloaded": 1}
    assert phase.acked == phase.sent - 1


async def test_the_phases_of_two_loaders_add_up() -> None:
    (left, _), (right, _) = await run_open(honest), await run_open(honest)
    sent = left.sent + right.sent
    whole = merge([left, right])
    assert whole.sent == sent == sum(whole.ack.values())
    assert whole.seconds == right.seconds
