"""Time in order: a tournament tree for completions, a binary heap for rare events, and dice."""

from __future__ import annotations

from policies.sim.kernel.floor import Floats, Floor, Ints, Words
from policies.sim.kernel.jit import compiled

_GOLDEN = 0x9E3779B97F4A7C15


@compiled
def set_finish(f: Floor, agent: int, at: float) -> None:
    """Note when `agent` next completes something; infinity when never. Ties: lower agent first."""
    finish, finisher = f.finish, f.finisher
    node = (finish.size >> 1) + agent
    finish[node] = at
    node >>= 1
    while node >= 1:
        left = node << 1
        best = left if finish[left] <= finish[left + 1] else left + 1
        winner = finisher[best]
        if winner != agent and finisher[node] != agent:
            break
        finish[node] = finish[best]
        finisher[node] = winner
        node >>= 1


@compiled
def heap_push(times: Floats, items: Ints, size: int, time: float, item: int) -> None:
    """Add (time, item) to a heap of `size` entries."""
    at = size
    while at > 0:
        up = (at - 1) >> 1
        if times[up] < time or (times[up] == time and items[up] < item):
            break
        times[at] = times[up]
        items[at] = items[up]
        at = up
    times[at] = time
    items[at] = item


@compiled
def heap_pop(times: Floats, items: Ints, size: int) -> int:
    """Take the earliest item of a heap of `size` > 0 entries. Ties: lower item first."""
    first = items[0]
    last = size - 1
    time, item = times[last], items[last]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= last:
            break
        right = down + 1
        if right < last and (
            times[right] < times[down]
            or (times[right] == times[down] and items[right] < items[down])
        ):
            down = right
        if time < times[down] or (time == times[down] and item < items[down]):
            break
        times[at] = times[down]
        items[at] = items[down]
        at = down
    times[at] = time
    items[at] = item
    return first


@compiled
def mixed(words: Words) -> float:
    """Advance the dice by one throw in [0, 1). Source: Steele et al. (2014), SplitMix64."""
    words[0] += _GOLDEN
    z = words[0]
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    z = z ^ (z >> 31)
    return float(z >> 11) * (1.0 / 9007199254740992.0)
