"""However a stream is lost, repeated and resumed: in order, without a gap, once (M4, M5)."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.addresses import Conn
from actors.permissions import rights_of
from serve.gateway.connection import FRAME_OVERHEAD, WRITE_BYTES, Connection
from serve.gateway.cursors import Cursors
from serve.gateway.limits import Limits, TokenBucket
from serve.identity import Identity
from serve.wire import Cursor

TOM = Identity(org="acme", subject="tom", role="customer")


class Wakes:
    def __init__(self) -> None:
        self.n = 0

    def wake(self) -> None:
        self.n += 1

    def close(self, code: int, reason: str) -> None: ...


def connection(sink: Wakes, *, batch: bool = False, queue_bytes: int = 2000) -> Connection:
    return Connection(
        conn=Conn("gw", 1),
        identity=TOM,
        rights=rights_of(None, "customer", "tom"),
        sink=sink,
        limits=Limits(queue_bytes=queue_bytes),
        cursors=Cursors({}),
        now=0.0,
        batch=batch,
    )


class Resuming(RuleBasedStateMachine):
    """A session that grows, a host that repeats and loses deliveries, a socket that reconnects."""

    def __init__(self) -> None:
        super().__init__()
        self.last = 0
        self.device: list[int] = []
        self.cursors = Cursors({})

    @rule(n=st.integers(1, 5))
    def grow(self, n: int) -> None:
        for _ in range(n):
            self.last += 1
            self.hand_over(self.last)

    @rule(n=st.integers(1, 5))
    def grow_unheard(self, n: int) -> None:
        self.last += n

    @rule(data=st.data())
    def repeat(self, data: Any) -> None:
        if self.last:
            self.hand_over(data.draw(st.integers(1, self.last)))

    @rule()
    def reconnect(self) -> None:
        has = self.device[-1] if self.device else 0
        self.cursors = Cursors({"7": Cursor(has, 0)})
        self.attach()

    @rule()
    def rehost(self) -> None:
        self.attach()

    def hand_over(self, seq: int) -> None:
        verdict = self.cursors.pass_frame("7", "main", seq)
        if verdict == "new":
            self.device.append(seq)
        elif verdict == "gap":
            self.attach()

    def attach(self) -> None:
        """The session answers an attachment: its snapshot, then what was missed."""
        after = min(self.cursors.of("7").seq, self.last)
        self.cursors.snapshot("7", Cursor(self.last, 0), Cursor(after, 0))
        for seq in range(after + 1, self.last + 1):
            self.hand_over(seq)
        assert len(self.device) == self.last

    @invariant()
    def in_order_without_gap_once(self) -> None:
        assert self.device == list(range(1, len(self.device) + 1))


TestResuming = Resuming.TestCase
TestResuming.settings = settings(deadline=None)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 500), max_size=40),
    takes=st.sets(st.integers(0, 40)),
    batch=st.booleans(),
)
def test_the_outgoing_queue_keeps_order_and_its_bound(
    sizes: list[int], takes: set[int], batch: bool
) -> None:
    sink = Wakes()
    who = connection(sink, batch=batch)
    accepted: list[int] = []
    sent: list[int] = []

    def take() -> None:
        while messages := who.take():
            for message in messages:
                frames = msgspec.json.decode(message)
                sent.extend(f["n"] for f in (frames if isinstance(frames, list) else [frames]))

    for n, size in enumerate(sizes):
        data = b'{"n":%d,"x":"%s"}' % (n, b"x" * size)
        waiting, wakes = len(who.frames), sink.n
        if not who.push(data):
            who.drop()
            assert who.queued == 0
            return
        accepted.append(n)
        assert sink.n == wakes + (waiting == 0)
        assert who.queued == sum(len(f) + FRAME_OVERHEAD for f in who.frames) <= 2000
        if n in takes:
            take()
            assert who.queued == 0
    take()
    assert sent == accepted


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=20))
def test_one_write_is_bounded_and_nothing_is_left_behind(sizes: list[int]) -> None:
    who = connection(Wakes(), queue_bytes=10**9)
    for size in sizes:
        assert who.push(b"x" * size)
    got: list[int] = []
    while taken := who.take():
        assert sum(map(len, taken)) <= WRITE_BYTES + 60_000
        got += map(len, taken)
    assert got == sizes
    assert who.queued == 0


@settings(deadline=None)
@given(
    rate=st.floats(0.1, 1000.0),
    burst=st.floats(1.0, 1000.0),
    steps=st.lists(st.floats(0.0, 2.0), max_size=200),
)
def test_a_bucket_never_gives_more_than_its_burst_and_rate(
    rate: float, burst: float, steps: list[float]
) -> None:
    now, bucket, given_n = 0.0, TokenBucket(rate, burst, 0.0), 0
    for step in steps:
        now += step
        wait = bucket.take(now)
        assert wait >= 0.0
        given_n += not wait
        assert given_n <= burst + rate * now + 1e-6


@settings(deadline=None)
@given(rate=st.floats(0.1, 1000.0))
def test_waiting_as_long_as_told_is_long_enough(rate: float) -> None:
    bucket = TokenBucket(rate, 1.0, 0.0)
    assert bucket.take(0.0) == 0.0
    wait = bucket.take(0.0)
    assert bucket.take(wait * (1 + 1e-9) + 1e-9) == 0.0
