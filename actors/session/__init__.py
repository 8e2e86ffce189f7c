"""The session actor: message order, duplicates, receipts, timers, and who serves the customer."""

from actors.session.machine import Session

__all__ = ["Session"]
