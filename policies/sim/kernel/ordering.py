"""Time in order: a tournament tree for completions, a binary heap for rare events, and dice."""

from __future__ import annotations

import numpy as np

from policies.sim.kernel.floor import Floor, Table, Words
from policies.sim.kernel.jit import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_R11, _R27, _R30, _R31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@compiled
def set_finish(f: Floor, agent: int, at: float) -> None:
    """Note when `agent` next completes something; infinity when never. Ties: lower agent first."""
    tree = f.finish
    node = (tree.size >> 1) + agent
    tree[node].at = at
    node >>= 1
    while node >= 1:
        left = node << 1
        best = left if tree[left].at <= tree[left + 1].at else left + 1
        winner = tree[best].item
        if winner != agent and tree[node].item != agent:
            break
        tree[node].at = tree[best].at
        tree[node].item = winner
        node >>= 1


@compiled
def heap_push(heap: Table, size: int, at: float, item: int) -> None:
    """Add an event to a heap of `size` entries. Ties: lower item first."""
    place = size
    while place > 0:
        up = (place - 1) >> 1
        if heap[up].at < at or (heap[up].at == at and heap[up].item < item):
            break
        heap[place].at = heap[up].at
        heap[place].item = heap[up].item
        place = up
    heap[place].at = at
    heap[place].item = item


@compiled
def heap_pop(heap: Table, size: int) -> int:
    """Take the earliest item of a heap of `size` > 0 entries."""
    first = heap[0].item
    last = size - 1
    at, item = heap[last].at, heap[last].item
    place = 0
    while True:
        down = 2 * place + 1
        if down >= last:
            break
        right = down + 1
        if right < last and (
            heap[right].at < heap[down].at
            or (heap[right].at == heap[down].at and heap[right].item < heap[down].item)
        ):
            down = right
        if at < heap[down].at or (at == heap[down].at and item < heap[down].item):
            break
        heap[place].at = heap[down].at
        heap[place].item = heap[down].item
        place = down
    heap[place].at = at
    heap[place].item = item
    return int(first)


@compiled
def scrambled(z: np.uint64) -> float:
    """Turn a word into a number in [0, 1). Source: Steele et al. (2014), SplitMix64."""
    z = (z ^ (z >> _R30)) * _M1
    z = (z ^ (z >> _R27)) * _M2
    z = z ^ (z >> _R31)
    return float(z >> _R11) * (1.0 / 9007199254740992.0)


@compiled
def throw(dice: Words) -> float:
    """Return the next number in [0, 1) of the policy's dice."""
    dice[0] += _GOLDEN
    return scrambled(dice[0])


@compiled
def keyed(seed: np.uint64, visit: int, purpose: int) -> float:
    """Return the number in [0, 1) that belongs to this visit and purpose, whatever came before."""
    return scrambled(seed + _GOLDEN * np.uint64(8 * visit + purpose + 1))
