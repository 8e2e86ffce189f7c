"""Every bound of the door, and the token bucket that holds a socket to its rate."""

from __future__ import annotations

import msgspec

from serve.wire import FRAME_LIMIT


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one gateway. Sizes are bytes, durations seconds, rates frames a second."""

    hello_s: float = 10.0
    """A socket that has not said hello by then is closed."""
    frame_bytes: int = FRAME_LIMIT
    message_bytes: int = 4 * FRAME_LIMIT
    """One WebSocket message: a frame, or an array of frames."""
    message_frames: int = 100
    queue_bytes: int = 1024 * 1024
    """Unsent frames of one socket: beyond it the reader is too slow and is closed with 1013.
    A returning device's missed frames come in items of 90 KB, written in between."""
    customer_rate: float = 50.0
    customer_burst: float = 100.0
    agent_rate: float = 1000.0
    agent_burst: float = 2000.0
    """An agent holds several sessions and a bot very many; a customer one."""
    refused_n: int = 1000
    """Frames refused over the rate, without one allowed between: then the socket is closed."""
    customer_connections: int = 10
    agent_connections: int = 20
    connections: int = 20_000
    close_s: float = 5.0
    """How long a close frame may take to leave towards a reader that does not read."""
    ping_s: float = 25.0
    """Told to clients. Below the 30-60 s at which proxies drop an idle connection."""


class TokenBucket:
    """Allows `rate` a second on average and `burst` at once."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one token: return 0.0 when there was one, else the seconds until there is."""
        elapsed = now - self._at
        self._at = now
        tokens = min(self._burst, self._tokens + max(0.0, elapsed) * self._rate)
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / self._rate
