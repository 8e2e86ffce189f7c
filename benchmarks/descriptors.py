"""How many connections one process may hold."""

from __future__ import annotations

import resource


def allow_many_connections() -> None:
    """Let this process, and what it starts, open as many files as its machine allows. A shell
    usually allows 1,024; the servers' processes are allowed more by Ray."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
