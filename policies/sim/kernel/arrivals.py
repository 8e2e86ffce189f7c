"""Which type each arrival is of."""

from __future__ import annotations

from policies.arrays import Floats
from policies.sim.kernel.floor import Small
from policies.sim.kernel.jit import kernel


@kernel
def pick_types(
    edges: Floats, cumulative: Floats, arrived: Floats, lots: Floats, types: Small
) -> None:
    """Fill `types`: `cumulative` (S, T) sums the rates between the (S+1) `edges`."""
    piece, last = 0, cumulative.shape[1] - 1
    for visit in range(arrived.size):
        while piece < edges.size - 2 and arrived[visit] >= edges[piece + 1]:
            piece += 1
        mark = lots[visit] * cumulative[piece, last]
        kind = 0
        while kind < last and mark >= cumulative[piece, kind]:
            kind += 1
        types[visit] = kind
