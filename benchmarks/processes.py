"""Who used how much CPU and memory: every process of a run, by the role it plays.

Roles: gateway, shard (any host of actors), keeper, serve (Serve's own processes), haproxy, valkey,
ray (the rest of Ray), peer, loader, starter (the benchmark's own process). A role is read from the
process's command line; Ray writes the actor's class there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Mapping

import msgspec
import psutil

ROLES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("gateway", re.compile(r"ray::ServeReplica")),
    (
        "serve",
        re.compile(r"ray::(ServeController|ProxyActor|HAProxyManager|.*serve)", re.IGNORECASE),
    ),
    ("shard", re.compile(r"ray::(Session|Agent|Queue|Dispatch)Host\b")),
    ("keeper", re.compile(r"ray::Keeper")),
    ("haproxy", re.compile(r"(^|/)haproxy\b")),
    ("valkey", re.compile(r"(valkey|redis)-server")),
    ("ray", re.compile(r"raylet|gcs_server|ray::|/ray/|dashboard|monitor")),
)
OTHER = "other"


class Usage(msgspec.Struct, kw_only=True):
    """Sums over the processes of one role. `pss_kb` shares common pages out fairly."""

    processes: int = 0
    cpu_s: float = 0.0
    pss_kb: float = 0.0
    rss_kb: float = 0.0


def role_of(command: str) -> str:
    """Return the role that a command line tells, `other` when it tells none."""
    return next((role for role, pattern in ROLES if pattern.search(command)), OTHER)


class Census:
    """The processes below this one. `known` gives roles to process ids, and to all below them.

    Processes that end take their CPU along: `cpu` remembers the last it saw of each.
    """

    def __init__(self, known: Mapping[int, str] | None = None) -> None:
        self.known = dict(known or {})
        self._seen: dict[tuple[int, float], tuple[str, float]] = {}

    def cpu(self) -> Counter[str]:
        """Return CPU seconds so far by role, user and system, of the living and the seen dead."""
        for process, role in self._walk():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                key = (process.pid, process.create_time())
                self._seen[key] = (role, times.user + times.system)
        total: Counter[str] = Counter()
        for role, seconds in self._seen.values():
            total[role] += seconds  # type: ignore[assignment]  # a Counter of floats
        return total

    def memory(self) -> dict[str, Usage]:
        """Return what each role's processes use now."""
        usage: dict[str, Usage] = {}
        for process, role in self._walk():
            with contextlib.suppress(psutil.Error):
                memory, times = process.memory_full_info(), process.cpu_times()
                mine = usage.setdefault(role, Usage())
                mine.processes += 1
                mine.cpu_s += times.user + times.system
                mine.pss_kb += memory.pss / 1024
                mine.rss_kb += memory.rss / 1024
        return usage

    def pids(self, role: str) -> list[int]:
        """Return the ids of the living processes of a role."""
        return [process.pid for process, its in self._walk() if its == role]

    def _walk(self) -> list[tuple[psutil.Process, str]]:
        me = psutil.Process(os.getpid())
        found = [(me, "starter")]
        above = {me.pid: ""}
        for process in me.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                given = self.known.get(process.pid) or above.get(process.ppid(), "")
                above[process.pid] = given
                found.append((process, given or role_of(" ".join(process.cmdline()))))
        return found


def cpu_us_per_message(before: Counter[str], after: Counter[str], messages: int) -> dict[str, int]:
    """Return the microseconds of CPU that each role spent per message between two readings."""
    spent = {role: after[role] - before[role] for role in after}
    return {
        role: round(seconds / max(messages, 1) * 1e6)
        for role, seconds in sorted(spent.items())
        if seconds > 0
    }
