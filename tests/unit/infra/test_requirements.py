"""What runs in production imports nothing that only the tools of development bring along: CI has
these installed, and a fresh machine has not."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("actors", "bot", "infra", "policies", "serve")
FILES = ("requirements.txt", "requirements-encoder.txt")
"""An encoder is imported only by who has one (`bot/encoder.py`)."""


def test_everything_that_is_imported_is_installed() -> None:
    installed, brought_by = with_dependencies(), packages_distributions()
    ours = {path.stem for path in ROOT.iterdir()}
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path)
        if name not in sys.stdlib_module_names | ours
        and not {canonicalize_name(one) for one in brought_by.get(name, ())} & installed
    }
    assert missing == set(), "name its distribution in requirements.txt"


def with_dependencies() -> set[str]:
    """Return the distributions that the files name, and all that these need here."""
    lines = [line for file in FILES for line in (ROOT / file).read_text().splitlines()]
    asked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found: set[tuple[str, str]] = set()
    while asked:
        one = asked.pop()
        for extra in {"", *one.extras}:
            name = canonicalize_name(one.name)
            if (name, extra) not in found:
                found.add((name, extra))
                asked += needed_by(name, extra)
    return {name for name, _ in found}


def needed_by(name: str, extra: str) -> list[Requirement]:
    """Return what a distribution needs here for that extra of it; nothing if it is not here."""
    try:
        every = [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []
    return [one for one in every if one.marker is None or one.marker.evaluate({"extra": extra})]


def imported(path: Path) -> Iterator[str]:
    """Yield the first names of all modules that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
