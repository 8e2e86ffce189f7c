"""A cancellation that a library swallowed is not lost."""

from __future__ import annotations

import asyncio


def raise_if_cancelled() -> None:
    """End the task if somebody asked for it: Python 3.11's `wait_for`, which redis-py reads and
    writes through, can swallow a cancellation. To be called once in each endless loop."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
