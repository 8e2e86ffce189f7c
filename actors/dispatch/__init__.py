"""The dispatch actor: matches waiting contacts to agents; owns the capacity ledger and offers."""

from actors.dispatch.machine import Dispatch

__all__ = ["Dispatch"]
