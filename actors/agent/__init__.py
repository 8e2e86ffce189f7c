"""The agent actor: one agent's devices, status clock, open offers and sessions."""

from actors.agent.machine import Agent

__all__ = ["Agent"]
