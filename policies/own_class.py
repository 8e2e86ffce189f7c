"""A class of policies named by its file: `my_policy.py:MyPolicy`."""

from __future__ import annotations

import importlib.util
import symtable
from pathlib import Path
from typing import Any


def is_own(name: str) -> bool:
    """Tell whether a policy is named by its file and class, `FILE.py:CLASS`."""
    return ".py:" in name


def names_in(path: Path) -> list[str]:
    """Return the names that a file gives to something, sorted, without running it.

    Raises:
        ValueError: it is no Python.
    """
    try:
        table = symtable.symtable(path.read_text(encoding="utf-8"), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path.name} is no Python: {error}") from None
    given = (one for one in table.get_symbols() if one.is_assigned() or one.is_imported())
    return sorted(one.get_name() for one in given)


def own_class(where: str) -> type[Any]:
    """Return the class of policies that `FILE.py:CLASS` names.

    Raises:
        ValueError: there is no such file or class, or it is no policy; the text says which.
    """
    file, _, name = where.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"policy: no file {file!r}; allowed: a name, or FILE.py:CLASS")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"policy: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, name, None)
    if not isinstance(made, type) or not hasattr(made, "decide") or not hasattr(made, "name"):
        found = [n for n, item in vars(module).items() if hasattr(item, "decide")]
        raise ValueError(
            f"policy: {file} has no class {name!r} with `name` and `decide`; "
            f"classes with `decide`: {', '.join(found) or 'none'}"
        )
    return made
