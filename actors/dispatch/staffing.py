"""Which queues have somebody on duty, and when to tell them."""

from __future__ import annotations

from collections.abc import Iterable

from actors.config import QueueConfig
from actors.dispatch.staff import Staff

STAFF_WAIT_S = 10.0
"""After a start nobody is known to be on duty: give the agents time to say that they are."""


class Staffing:
    """What each queue was told. Soft state: after a restart every queue is told again."""

    def __init__(self) -> None:
        self.changed = True
        """Somebody came on duty or went off it, or the settings are new."""
        self._known_at: float | None = None
        self._told: dict[str, bool] = {}

    def start(self, now: float) -> None:
        """Begin the agents' time to speak; only the first call counts."""
        if self._known_at is None:
            self._known_at = now + STAFF_WAIT_S

    def due_at(self) -> float | None:
        """Return when `news` has something to say, None if it has not."""
        return self._known_at if self.changed else None

    def news(
        self, queues: Iterable[QueueConfig], staff: Staff, now: float
    ) -> list[tuple[str, bool]]:
        """Return (queue, whether it is staffed) where that is not what the queue was told."""
        if not self.changed or self._known_at is None or now < self._known_at:
            return []
        self.changed = False
        present = {queue.id: staff.on_duty(queue) for queue in queues}
        news = [
            (queue, is_on) for queue, is_on in present.items() if self._told.get(queue) != is_on
        ]
        self._told = present
        return news
