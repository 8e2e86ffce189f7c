"""The one door to numba: compile a function once and keep the machine code on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def _sources_hash(folder: Path) -> str:
    """Hash every kernel file: numba itself would not notice that a callee in another file changed."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    here = Path(__file__).parent
    name = f"kernel-{_sources_hash(here)}"
    beside = here / "__pycache__"
    if os.access(beside if beside.exists() else here, os.W_OK):
        return beside / name
    return Path(tempfile.gettempdir()) / f"raydesk-{os.getuid()}" / name


_FOLDER = str(_cache_folder())


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` on its first call; later processes load the machine code from disk.

    Division follows IEEE 754 and nothing is reference-counted, so a kernel allocates nothing:
    it works in arrays that its caller made.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _FOLDER
    try:
        made: Callable[P, R] = numba.njit(cache=True, error_model="numpy", _nrt=False)(function)
    finally:
        numba.config.CACHE_DIR = before
    return made
