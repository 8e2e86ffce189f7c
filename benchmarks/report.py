"""What a benchmark hands back: JSON with the facts of the machine, and a table to read."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

Cell = str | int | float | None


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--json", type=Path, help="write the result to this file (- : stdout)")
    made.add_argument("--url", default="", help="measure a running system instead of one's own")
    return made


def machine_facts() -> dict[str, Cell]:
    """Return what a number must be read against. `busy_cores` is other work found running."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ray": version("ray"),
        "websockets": version("websockets"),
        "busy_cores": round(psutil.cpu_percent(interval=0.5) / 100 * (os.cpu_count() or 1), 2),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def write(result: Mapping[str, object], path: Path | None) -> None:
    """Write the result as JSON: to `path`, or to standard output where none is given."""
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    if path is None or str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return the rows as an aligned table; the first row's keys are the columns."""
    if not rows:
        return ""
    columns = list(rows[0])
    cells = [columns, *([_shown(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )


def say(text: str) -> None:
    """Tell the person at the terminal; standard output stays for the JSON."""
    print(text, file=sys.stderr, flush=True)


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return "-"
        case float():
            return f"{cell:,.1f}"
        case int():
            return f"{cell:,}"
        case str():
            return cell
