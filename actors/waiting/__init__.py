"""The queue actor: who waits for one skill group, in which order, and for how long."""

from actors.waiting.machine import Queue

__all__ = ["Queue"]
