"""One contestant under load: rounds of full speed, then a held rate, with CPU by process role."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.histogram import Histogram
from benchmarks.load import Phase
from benchmarks.loader import Loader, Step, run_step
from benchmarks.processes import Census, cpu_us_per_message

WARM_UP_S = 2.0
OURS = "raydesk"


class Measured(msgspec.Struct, kw_only=True):
    """What one phase showed. Latencies are milliseconds, CPU is microseconds per message.

    `busy_cores` is CPU seconds per second of each role over the phase.
    """

    mode: str
    seconds: float
    messages_per_s: float
    offered_per_s: float = 0.0
    ack_ms: dict[str, float]
    deliver_ms: dict[str, float]
    cpu_us_per_message: dict[str, int]
    sent: int
    acked: int
    delivered: int
    lost: int
    unanswered: int
    duplicated: int
    out_of_order: int
    refused: dict[str, int]


class Contestant:
    """A chat system and the loaders that talk to it. `owns` tells which roles work for it."""

    def __init__(
        self, name: str, loaders: Sequence[Loader], census: Census, owns: Callable[[str], bool]
    ) -> None:
        self.name = name
        self.phases: list[Measured] = []
        self._loaders = list(loaders)
        self._census = census
        self._owns = owns

    def open(self) -> float:
        """Connect everybody; return how many seconds the slowest loader took."""
        waiting = [loader.begin() for loader in self._loaders]
        return max(ready().open_s for ready in waiting)

    def warm_up(self, window: int) -> None:
        """Let caches fill and code paths compile; nothing is kept."""
        run_step(self._loaders, Step(seconds=WARM_UP_S, window=window))

    def full_speed(self, seconds: float, window: int) -> Measured:
        """Find the most it can do: the next message when the last has arrived."""
        return self._measure("full speed", Step(seconds=seconds, window=window))

    def held_rate(self, seconds: float, rate: float, *, even: bool) -> Measured:
        """Offer `rate` messages a second whatever it answers."""
        return self._measure("held rate", Step(seconds=seconds, rate=rate, even=even))

    def best_rate(self) -> float:
        """Return the median of the full-speed rounds, messages a second."""
        rates = [p.messages_per_s for p in self.phases if p.mode == "full speed"]
        return statistics.median(rates) if rates else 0.0

    def close(self) -> None:
        """End the loaders."""
        for loader in self._loaders:
            loader.stop()

    def _measure(self, mode: str, step: Step) -> Measured:
        before = self._census.cpu()
        phase = run_step(self._loaders, step)
        after = self._census.cpu()
        mine = Counter({role: spent for role, spent in after.items() if self._owns(role)})
        cpu = cpu_us_per_message(before, mine, phase.delivered)
        measured = measured_of(mode, phase, cpu, step.rate)
        self.phases.append(measured)
        return measured


def measured_of(mode: str, phase: Phase, cpu: dict[str, int], rate: float) -> Measured:
    """Return a phase's counts as rates and percentiles."""
    return Measured(
        mode=mode,
        seconds=phase.seconds,
        messages_per_s=round(phase.done_in_time / phase.seconds, 1),
        offered_per_s=round(rate, 1),
        ack_ms=Histogram(phase.ack).summary_ms(),
        deliver_ms=Histogram(phase.deliver).summary_ms(),
        cpu_us_per_message=cpu,
        sent=phase.sent,
        acked=phase.acked,
        delivered=phase.delivered,
        lost=phase.lost,
        unanswered=phase.unanswered,
        duplicated=phase.duplicated,
        out_of_order=phase.out_of_order,
        refused=phase.refused,
    )


def alternate(contestants: Sequence[Contestant], rounds: int, seconds: float, window: int) -> None:
    """Run every contestant at full speed in turns, so that the machine's moods hit all alike."""
    for contestant in contestants:
        contestant.warm_up(window)
    for _ in range(rounds):
        for contestant in contestants:
            contestant.full_speed(seconds / rounds, window)


def totals(phases: Sequence[Measured]) -> dict[str, int]:
    """Return the faults of all phases together; every one of them should be 0."""
    names = ("lost", "unanswered", "duplicated", "out_of_order")
    return {name: sum(getattr(phase, name) for phase in phases) for name in names}
