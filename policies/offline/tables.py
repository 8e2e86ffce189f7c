"""Columns of a CSV or Parquet file, checked as they are read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from policies.arrays import Floats
from policies.offline.logged import LogError


class Table:
    """A file's columns by name. Rows are counted from 1 in errors, the heading of a CSV not."""

    def __init__(self, path: Path, data: pa.Table) -> None:
        self.path, self._data = path, data
        self.names = list(data.column_names)
        self.rows_n: int = data.num_rows

    def error(self, row: int, field: str, got: str, allowed: str) -> LogError:
        """Return the error that says what is wrong with one cell; `row` counts from 0."""
        return LogError(f"{self.path}: row {row + 1}: {field}: {got}; allowed: {allowed}")

    def need(self, name: str) -> None:
        """Make sure that there is such a column.

        Raises:
            LogError: there is none; the text lists those there are.
        """
        if name not in self.names:
            raise LogError(
                f"{self.path}: {name}: no such column; there are: {', '.join(self.names)}"
            )

    def number(self, name: str) -> Floats:
        """Return a column as (n,) numbers.

        Raises:
            LogError: a cell is empty or no number.
        """
        column = self._data.column(name)
        plain = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if (plain or pa.types.is_boolean(column.type)) and column.null_count == 0:
            values: Floats = column.to_numpy().astype(np.float64)
            return values
        return np.array([self._number(row, name, v) for row, v in enumerate(column.to_pylist())])

    def _number(self, row: int, name: str, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            shown = "empty" if value in (None, "") else repr(value)
            raise self.error(row, name, shown, "a number") from None

    def text(self, name: str) -> list[str]:
        """Return a column as texts.

        Raises:
            LogError: a cell is empty.
        """
        values = self._data.column(name).to_pylist()
        for row, value in enumerate(values):
            if value is None or value == "":
                raise self.error(row, name, "empty", "a name")
        return [str(value) for value in values]

    def times(self, name: str) -> Floats:
        """Return a column as (n,) seconds since 1970, or since whatever its numbers count from.

        Raises:
            LogError: a cell is neither a number nor a time as in ISO 8601.
        """
        kind = self._data.column(name).type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return self.number(name)
        values = self._data.column(name).to_pylist()
        return np.array([self._time(row, name, value) for row, value in enumerate(values)])

    def _time(self, row: int, name: str, value: Any) -> float:
        try:
            at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            allowed = "seconds, or a time like 2026-03-01T09:30:00+08:00"
            raise self.error(row, name, repr(value), allowed) from None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def read_table(path: Path) -> Table:
    """Return the columns of a file named .csv or .parquet.

    Raises:
        LogError: the file is missing, is of another kind, or holds no rows.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise LogError(f"{path}: allowed: a file that ends in .csv or .parquet")
    try:
        data = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LogError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if data.num_rows == 0:
        raise LogError(f"{path}: rows: none; allowed: at least one decision")
    return Table(path, data)
