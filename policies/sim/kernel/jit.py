"""The one door to numba: compile a function once and keep the machine code on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def _sources_hash(folder: Path) -> str:
    """Hash every kernel file: numba itself does not notice a change of a callee elsewhere."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Return where machine code is kept: beside the sources, else in the user's cache, else, for
    this process only, in a folder that nobody else can have prepared."""
    here = Path(__file__).parent
    name = f"kernel-{_sources_hash(here)}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    for folder in (here / "__pycache__" / name, home / "raydesk" / name):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix=name))


_FOLDER = str(_cache_folder())


def _made(function: Callable[P, R], *, inlined: bool) -> Callable[P, R]:
    """Compile without reference counts, which would take five times as long as the work itself:
    a kernel allocates nothing, it works in arrays that its caller made and holds."""
    options: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined] # made at run time
    numba.config.CACHE_DIR = _FOLDER  # type: ignore[attr-defined]
    try:
        made: Callable[P, R] = numba.njit(forceinline=inlined, **options)(function)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
    return made


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of a kernel into its callers, so that no call and no array is passed on.

    Division follows IEEE 754.
    """
    return _made(function, inlined=True)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on its first call; later processes load the machine code from disk."""
    return _made(function, inlined=False)
