"""Logs as plain tables, CSV or Parquet: one row a decision.

| column | holds |
|---|---|
| `reward` | a number |
| `action` | what was done, any name |
| `propensity` | probability with which it was done, above 0, at most 1 |
| `target` | probability with which the target policy does it |
| `context` | optional: what decisions have in common; for target tables and the reward model |
| `propensity:NAME`, `target:NAME`, `predicted:NAME` | optional: the same of each action NAME |
| `at` | optional: seconds, or a time as in ISO 8601 |
| `agent`, `handle_s` | optional: who was occupied (else the action), how long: interference |
| `cluster` | optional: rows that depend on each other, a day for instance |

The target comes from `target`, from `target:NAME` of every action, or from a table of its own with
the columns `context` (may be left out), `action`, `probability`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from policies.arrays import Floats, Ints
from policies.offline.interference import Interference, find
from policies.offline.logged import SUM_SLACK, LogError, Logged
from policies.offline.tables import Table, read_table


@dataclass(frozen=True, eq=False)
class PlainLog:
    """A log's decisions, and what else its rows tell."""

    logged: Logged
    action: Ints
    """(n,) number of the action among `actions`."""
    context: Ints
    """(n,) number of the context; all 0 without such a column."""
    actions: list[str]
    at: Floats | None
    agent: Any
    """(n,) who was occupied by each decision."""
    handle_s: Floats | None

    def cell(self) -> Ints:
        """Return (m,) a number for each context and action, for the reward model."""
        k = len(self.actions)
        if not self.logged.complete:
            return self.context * k + self.action
        return (self.context[:, None] * k + np.arange(k)).ravel()

    def interference(self) -> Interference:
        """Return how decisions compete; nothing is judged without `at` and `handle_s`."""
        n = len(self.action)
        nothing = np.zeros(0, dtype=np.int64)
        if self.at is None or self.handle_s is None:
            none = np.full(n, np.nan)
            return find(
                none, np.full(n, -1), none, np.zeros(n + 1, np.int64), nothing, full=nothing
            )
        order = np.argsort(self.at, kind="stable")
        agent = np.unique(self.agent, return_inverse=True)[1][order]
        # A plain log does not tell whom else a decision weighed: at least whom it chose.
        starts, full = np.arange(n + 1), np.zeros(n, dtype=np.int64)
        return find(self.at[order], agent, self.handle_s[order], starts, agent, full=full)


def read_plain(path: str | Path, target: str | Path | None = None) -> PlainLog:
    """Return a log from a CSV or Parquet file; `target`: a table of the policy to evaluate.

    Raises:
        LogError: names the file, the row counted from 1, the field and what is allowed.
    """
    table = read_table(Path(path))
    for name in ("reward", "action", "propensity"):
        table.need(name)
    actions, action = np.unique(table.text("action"), return_inverse=True)
    contexts, context = _numbered(table, "context")
    names = [str(name) for name in actions]
    named = sorted({column.partition(":")[2] for column in table.names if ":" in column})
    every = sorted({*names, *named}) if named else names
    action = np.searchsorted(every, actions)[action]
    reading = _Reading(table, every, action, context, contexts)
    logged = reading.logged(None if target is None else Path(target))
    logged.check(str(path))
    return PlainLog(
        logged=logged,
        action=action,
        context=context,
        actions=every,
        at=table.times("at") if "at" in table.names else None,
        agent=table.text("agent" if "agent" in table.names else "action"),
        handle_s=table.number("handle_s") if "handle_s" in table.names else None,
    )


@dataclass(frozen=True, eq=False)
class _Reading:
    """The parts from which a plain log's arrays are made."""

    table: Table
    actions: list[str]
    action: Ints
    context: Ints
    contexts: list[str]

    def logged(self, target: Path | None) -> Logged:
        """Return the arrays: every action where the columns tell the target's, else the taken one.

        Raises:
            LogError: columns are missing or contradict each other.
        """
        n, k = len(self.action), len(self.actions)
        wanted, taken = self._wanted(target), self.table.number("propensity")
        reward = self.table.number("reward")
        by_cluster = "cluster" in self.table.names
        cluster = _numbered(self.table, "cluster")[1] if by_cluster else None
        if wanted.ndim == 1:
            starts = np.arange(n + 1)
            return Logged(
                starts, starts[:-1], reward, taken, wanted, cluster=cluster, complete=False,
                taken_only=True,
            )  # fmt: skip
        matrix, predicted = self._matrix("propensity"), self._matrix("predicted")
        starts = np.arange(n + 1) * k
        return Logged(
            starts=starts,
            chosen=starts[:-1] + self.action,
            reward=reward,
            logging=self._logging(matrix, taken).ravel(),
            target=wanted.ravel(),
            predicted=None if predicted is None else predicted.ravel(),
            cluster=cluster,
            taken_only=matrix is None,
        )

    def _logging(self, matrix: Floats | None, taken: Floats) -> Floats:
        """Return (n, K) propensities; nan where the log does not tell."""
        rows = np.arange(len(taken))
        if matrix is None:
            alone = np.full((len(taken), len(self.actions)), np.nan)
            alone[rows, self.action] = taken
            return alone
        own = matrix[rows, self.action]
        off = np.flatnonzero(np.abs(own - taken) > 1e-6)
        if len(off):
            row = int(off[0])
            field = f"propensity:{self.actions[self.action[row]]}"
            allowed = f"the row's propensity, {taken[row]:.6g}"
            raise self.table.error(row, field, f"{own[row]:.6g}", allowed)
        return matrix

    def _wanted(self, target: Path | None) -> Floats:
        """Return the target's probabilities: (n, K), or (n,) of the actions taken."""
        if target is not None:
            return self._from_table(read_table(target))
        matrix = self._matrix("target")
        if matrix is not None:
            return matrix
        if "target" not in self.table.names:
            raise LogError(
                f"{self.table.path}: target: missing; allowed: a column target, columns "
                "target:NAME, or a target table"
            )
        return self.table.number("target")

    def _matrix(self, what: str) -> Floats | None:
        """Return (n, K) from the columns `what:NAME`; None where there are none."""
        there = [name for name in self.table.names if name.startswith(f"{what}:")]
        if not there:
            return None
        for action in self.actions:
            self.table.need(f"{what}:{action}")
        return np.stack([self.table.number(f"{what}:{a}") for a in self.actions], axis=1)

    def _from_table(self, table: Table) -> Floats:
        """Return (n, K) as a table of context, action and probability says."""
        for name in ("action", "probability"):
            table.need(name)
        chances = table.number("probability")
        told = table.text("context") if "context" in table.names else None
        whole = np.zeros((len(self.contexts), len(self.actions)))
        for row, action in enumerate(table.text("action")):
            if action not in self.actions:
                if chances[row] > 0:
                    allowed = f"the log's actions: {', '.join(self.actions)}"
                    raise table.error(row, "action", repr(action), allowed)
            elif told is None:
                whole[:, self.actions.index(action)] = chances[row]
            elif told[row] in self.contexts:
                whole[self.contexts.index(told[row]), self.actions.index(action)] = chances[row]
        wrong = np.flatnonzero(np.abs(whole.sum(axis=1) - 1) > SUM_SLACK)
        if len(wrong):
            name, total = self.contexts[wrong[0]], whole[wrong[0]].sum()
            raise LogError(
                f"{table.path}: probability: sums to {total:.6g} in context {name!r}; allowed: 1"
            )
        picked: Floats = whole[self.context]
        return picked


def _numbered(table: Table, column: str) -> tuple[list[str], Ints]:
    """Return the names in a column and each row's number among them; without it, one of all."""
    if column not in table.names:
        return [""], np.zeros(table.rows_n, dtype=np.int64)
    names, number = np.unique(table.text(column), return_inverse=True)
    return [str(name) for name in names], number
