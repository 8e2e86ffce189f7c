"""How long to wait before the next try.

Exponential back-off with full jitter: after a gateway dies its clients come back spread over the
whole interval instead of in waves. Source: Marc Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of waits in seconds: the n-th lies in [0, min(cap_s, base_s * 2**n))."""

    base_s: float = 0.2
    cap_s: float = 5.0
    """Half of the 10 s within which everybody is served again (M8)."""

    def delay_s(self, attempt: int, dice: float) -> float:
        """Return the wait before try number `attempt` (from 0); `dice` is uniform in [0, 1)."""
        return dice * min(self.cap_s, self.base_s * 2.0 ** min(attempt, 30))


def spread_s(told_s: float, dice: float) -> float:
    """Return a wait of at least what the server told, up to half as much again: clients told the
    same number must not come back together."""
    return told_s * (1.0 + 0.5 * dice)
