"""The contacts of an experiment, from a table of all contacts or from the decision log."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from policies.arrays import Floats
from policies.decision_files import read
from policies.decisions import Decision
from policies.experiments.design import Design
from policies.offline.decision_logs import REWARDS
from policies.offline.logged import LogError
from policies.offline.tables import read_table


class Contacts(NamedTuple):
    """When each contact arrived, and what came of it."""

    at: Floats
    """(n,) seconds."""
    reward: Floats
    """(n,)"""
    warnings: tuple[str, ...]


def read_contacts(path: Path, reward: str, design: Design, experiment: str) -> Contacts:
    """Return the contacts in a CSV or Parquet table with the columns `at` and `reward`, or those of
    an experiment in a decision log (a folder).

    Raises:
        LogError: names the file, the row, the field and what is allowed.
    """
    if path.is_dir():
        return from_decisions(read(path), reward, experiment, str(path))
    table = read_table(path)
    table.need("at")
    table.need("reward")
    at, worth = table.times("at"), table.number("reward")
    for name, values in (("at", at), ("reward", worth)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise table.error(int(wrong[0]), name, f"{values[wrong[0]]}", "a finite number")
    if "arm" in table.names:
        _check_arms(path, table.number("arm"), at, design)
    return Contacts(at, worth, ())


def _check_arms(path: Path, arm: Floats, at: Floats, design: Design) -> None:
    """Make sure that the experiment ran as it was designed."""
    block = design.blocks_of(at)
    inside = np.flatnonzero(block >= 0)
    wrong = inside[arm[inside] != design.arm[block[inside]]]
    if len(wrong):
        row = int(wrong[0])
        raise LogError(
            f"{path}: row {row + 1}: arm: {arm[row]:g}; allowed: {design.arm[block[row]]}, as the "
            f"design says; {len(wrong)} rows differ"
        )


def from_decisions(rows: list[Decision], reward: str, experiment: str, source: str) -> Contacts:
    """Return the contacts of an experiment's decisions.

    Raises:
        LogError: there is no such reward, or nobody whose reward is known.
    """
    if reward not in REWARDS:
        raise LogError(f"reward: {reward!r}; allowed: {', '.join(REWARDS)}")
    worth: dict[tuple[str, int], tuple[float, float]] = {}
    for row in rows:
        value = REWARDS[reward](row.outcome) if row.outcome else None
        if row.experiment == experiment and value is not None:
            worth[row.contact.session, row.contact.episode] = (row.contact.arrived_at, value)
    if not worth:
        raise LogError(
            f"{source}: outcome.{reward}: in no decision of experiment {experiment!r}; allowed: "
            "at least one"
        )
    at, values = np.array(list(worth.values())).T
    warning = (
        "contacts who left before any decision are not in a decision log: if a policy changes how "
        "many there are, analyse a table of all contacts"
    )
    return Contacts(at, values, (warning,))
