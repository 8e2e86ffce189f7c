"""The load generator as a process of its own, so that its CPU is counted apart.

`Loader` is the parent's handle; `python -m benchmarks.loader` is the child. They exchange one JSON
line per step: a `Plan`, answered when everybody is connected; then phases, each answered by a
`Phase`; the end of input ends it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from benchmarks.descriptors import allow_many_connections
from benchmarks.load import Load, Phase
from benchmarks.texts import load_texts
from benchmarks.wire_raydesk import RaydeskWire
from benchmarks.wire_socketio import SocketIoWire
from benchmarks.wires import Wire

T = TypeVar("T")


class Plan(msgspec.Struct, kw_only=True):
    """Whom to connect. `prefix` keeps the ids of one loader apart from every other's."""

    wire: Literal["socket.io", "raydesk"]
    urls: list[str]
    talks: int
    agents: int
    prefix: str
    customer_tokens: list[str] = []
    agent_tokens: list[str] = []
    queue: str = ""
    receipt_s: float = 0.0
    data: str = ""


class Step(msgspec.Struct, kw_only=True):
    """One phase to run: closed with `window`, or open at `rate` a second."""

    seconds: float
    window: int = 0
    rate: float = 0.0
    even: bool = False


class Ready(msgspec.Struct, kw_only=True):
    """Everybody is connected."""

    open_s: float


class Loader:
    """A running load generator. `start` returns when all its talks are open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.loader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        self.pid = self._child.pid

    def begin(self) -> Callable[[], Ready]:
        """Let it connect everybody; call the result to wait for that."""
        self.tell(self._plan)
        return lambda: self.answer(Ready)

    def start(self) -> Ready:
        """Connect everybody, and wait for it."""
        return self.begin()()

    def tell(self, order: Plan | Step) -> None:
        """Give the next order; `answer` waits for its result."""
        assert self._child.stdin is not None
        self._child.stdin.write(msgspec.json.encode(order) + b"\n")
        self._child.stdin.flush()

    def answer(self, kind: type[T]) -> T:
        """Return the result of the last order.

        Raises:
            RuntimeError: the load generator ended; its standard error says why.
        """
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with code {self._child.wait()}")
        return msgspec.json.decode(line, type=kind)

    def stop(self) -> None:
        """End the process."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()


def run_step(loaders: list[Loader], step: Step) -> Phase:
    """Run one phase on all loaders at once (`rate` is shared between them); return the sum."""
    share = msgspec.structs.replace(step, rate=step.rate / len(loaders))
    for loader in loaders:
        loader.tell(share)
    return merge([loader.answer(Phase) for loader in loaders])


def merge(phases: list[Phase]) -> Phase:
    """Return the phases of several loaders as one."""
    whole = phases[0]
    for other in phases[1:]:
        for field in msgspec.structs.fields(Phase):
            mine, theirs = getattr(whole, field.name), getattr(other, field.name)
            if isinstance(mine, dict):
                keys = {*mine, *theirs}
                setattr(whole, field.name, {k: mine.get(k, 0) + theirs.get(k, 0) for k in keys})
            elif field.name != "seconds":
                setattr(whole, field.name, mine + theirs)
    return whole


def wire_of(plan: Plan) -> Wire:
    """Return the wire that the plan names."""
    if plan.wire == "raydesk":
        return RaydeskWire(
            plan.urls[0],
            plan.customer_tokens,
            plan.agent_tokens,
            queue=plan.queue,
            prefix=plan.prefix,
            receipt_s=plan.receipt_s,
        )
    return SocketIoWire(plan.urls, plan.talks, plan.agents, plan.prefix)


async def serve() -> None:
    """Follow the orders on standard input."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    plan = msgspec.json.decode(await orders.readline(), type=Plan)
    wire = wire_of(plan)
    load = Load(wire, load_texts(Path(plan.data) if plan.data else None), f"{plan.prefix}.")
    begun = time.perf_counter()
    await wire.open(load)
    answer(Ready(open_s=time.perf_counter() - begun))
    while line := await orders.readline():
        step = msgspec.json.decode(line, type=Step)
        if step.rate:
            answer(await load.open(step.seconds, step.rate, even=step.even))
        else:
            answer(await load.closed(step.seconds, step.window))
    await wire.close()


def answer(result: Ready | Phase) -> None:
    """Write one line to the parent."""
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    import uvloop

    allow_many_connections()
    uvloop.run(serve())
