"""How a device behaves, and what it has counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from serve.client.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Options:
    """How a device behaves. Durations are seconds."""

    ack_timeout_s: float = 10.0
    give_up_s: float = 600.0
    """A command without an answer for this long fails as `CommandTimedOut`."""
    receipt_every_s: float = 0.2
    receipts: bool = True
    welcome_timeout_s: float = 10.0
    pong_timeout_s: float = 15.0
    stable_after_s: float = 5.0
    """A connection that lived this long starts the back-off again from its beginning."""
    events_n: int = 10_000
    """Events kept for a program that is slow to take them; what does not fit is asked for again
    when there is room, from the cursor."""
    batch: bool = True
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(slots=True)
class Counts:
    """What happened to this device so far."""

    reconnects: int = 0
    repeats_hidden: int = 0
    gaps: int = 0
    resent: int = 0
