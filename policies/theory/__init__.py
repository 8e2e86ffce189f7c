"""Exact answers for small centres: what a simulator must reproduce."""

from policies.theory.birth_death import Steady, answered_within, erlang_b, erlang_c, many_servers
from policies.theory.chains import solve_chain, stationary
from policies.theory.small_centres import chat_centre, idle_order, shared_lines

__all__ = [
    "Steady",
    "answered_within",
    "chat_centre",
    "erlang_b",
    "erlang_c",
    "idle_order",
    "many_servers",
    "shared_lines",
    "solve_chain",
    "stationary",
]
