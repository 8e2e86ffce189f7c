"""A promotion in a file: JSON, versioned, replaced whole, never half written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from policies.promotion.evidence import Evidence
from policies.promotion.gates import Gates
from policies.promotion.machine import Promotion

VERSION = 1


class PromotionFileError(ValueError):
    """A file that is no promotion, evidence or gates. The text names file, field and what is
    allowed."""


class _File(msgspec.Struct, frozen=True):
    version: int
    promotion: Promotion


def load(path: Path) -> Promotion:
    """Return the promotion in a file.

    Raises:
        PromotionFileError: there is none, or of another version.
    """
    found: _File = _read(path, _File)
    if found.version != VERSION:
        raise PromotionFileError(f"{path}: version: {found.version}; allowed: {VERSION}")
    return found.promotion


def save(path: Path, state: Promotion, before: Promotion | None) -> None:
    """Write the promotion, if the file still holds what it was made from (None: no file).

    Raises:
        PromotionFileError: somebody else was faster; nothing is written.
    """
    if path.exists() != (before is not None) or (before is not None and load(path) != before):
        raise PromotionFileError(f"{path}: was changed meanwhile; read it again")
    written = path.with_name(f".{path.name}.{os.getpid()}")
    data = msgspec.json.format(msgspec.json.encode(_File(VERSION, state)), indent=2)
    written.write_bytes(data + b"\n")
    written.replace(path)


def load_evidence(path: Path) -> Evidence:
    """Return evidence from a JSON file; its `type` says which kind.

    Raises:
        PromotionFileError: see the class.
    """
    found: Evidence = _read(path, Evidence)
    return found


def load_gates(path: Path) -> Gates:
    """Return gates from a JSON file; what it leaves out is as by default.

    Raises:
        PromotionFileError: see the class.
    """
    found: Gates = _read(path, Gates)
    return found


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise PromotionFileError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise PromotionFileError(f"{path}: {error}; see docs/experiments.md") from error
