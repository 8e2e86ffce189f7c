"""When an open loop sends: the times are fixed before the run, whatever the system answers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count


def paced(rate: float) -> Iterator[float]:
    """Yield send times in seconds from the start, evenly, `rate` a second."""
    for index in count():
        yield index / rate


def poisson(rate: float, rng: random.Random) -> Iterator[float]:
    """Yield send times of a Poisson process with `rate` a second: people do not keep step."""
    at = 0.0
    while True:
        at += rng.expovariate(rate)
        yield at
