"""Where models are kept: a folder or an object store, by name and version, and which one is live.

    models/NAME/VERSION.json        the model with its card
    models/NAME/promoted.json       {"version": ..., "before": ..., "at": ...}

Versions are hashes and are never overwritten; promoting and rolling back change one small file.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

import msgspec

from policies.learned.card import Card
from policies.learned.model import Model, ModelError, decode, encode

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[0-9a-f]{12}")


class Files(Protocol):
    """What a registry needs of a store; keys look like paths."""

    def put(self, key: str, data: bytes) -> None:
        """Store the file; replaces one of the same key, whole or not at all."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the file, None if there is none."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, in order."""
        ...


class Folder:
    """Files in a local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> None:
        """Write beside, then rename: a reader sees the old file or the new one."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(beside).replace(path)

    def get(self, key: str) -> bytes | None:
        """Return the file, None if there is none."""
        path = self._root / key
        return path.read_bytes() if path.is_file() else None

    def list(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, in order."""
        start = self._root / prefix
        files = (path for path in start.rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self._root)) for path in files)


class Promoted(msgspec.Struct, frozen=True):
    """Which version is live, and which was before."""

    version: str
    before: str = ""
    at: float = 0.0


def model_key(name: str, version: str) -> str:
    """Return where a model is kept.

    Raises:
        ModelError: the name or the version cannot be one.
    """
    if not NAME.fullmatch(name):
        raise ModelError(f"name: {name!r}; allowed: {NAME.pattern}")
    if not VERSION.fullmatch(version):
        raise ModelError(f"version: {version!r}; allowed: 12 hexadecimal digits")
    return f"models/{name}/{version}.json"


def pointer_key(name: str) -> str:
    """Return where it is kept which version is live."""
    if not NAME.fullmatch(name):
        raise ModelError(f"name: {name!r}; allowed: {NAME.pattern}")
    return f"models/{name}/promoted.json"


def promoted_in(data: bytes | None) -> Promoted | None:
    """Return what the pointer's file says, None if nothing was ever promoted.

    Raises:
        ModelError: it says something else.
    """
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Promoted)
    except msgspec.MsgspecError as error:
        raise ModelError(f"promoted.json: {error}; allowed: version, before, at") from error


class Registry:
    """The models of one store."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def save(self, model: Model) -> str:
        """Keep the model; return its key. Saving the same model again changes nothing."""
        key = model_key(model.card.name, model.card.version)
        if self._files.get(key) is None:
            self._files.put(key, encode(model.stored))
        return key

    def load(self, name: str, version: str) -> Model:
        """Return a model.

        Raises:
            ModelError: there is none of that name and version, or it cannot be used.
        """
        key = model_key(name, version)
        data = self._files.get(key)
        if data is None:
            known = ", ".join(self.versions(name)) or "none"
            raise ModelError(f"version: no {version!r} of {name}; allowed: {known}")
        return decode(data, key)

    def versions(self, name: str) -> list[str]:
        """Return every version of a name, sorted."""
        keys = self._files.list(f"models/{name}/")
        return [stem for key in keys if VERSION.fullmatch(stem := Path(key).stem)]

    def card(self, name: str, version: str) -> Card:
        """Return a model's card."""
        return self.load(name, version).card

    def promoted(self, name: str) -> Promoted | None:
        """Return which version is live, None if none was ever promoted."""
        return promoted_in(self._files.get(pointer_key(name)))

    def promote(self, name: str, version: str, at: float) -> Promoted:
        """Make a version live; the model is loaded first, so that one that is broken never is.

        Raises:
            ModelError: see `load`.
        """
        self.load(name, version)
        now = self.promoted(name)
        made = Promoted(version, now.version if now else "", at)
        self._files.put(pointer_key(name), msgspec.json.encode(made))
        return made

    def roll_back(self, name: str, at: float) -> Promoted:
        """Make the version live that was before.

        Raises:
            ModelError: there was none before.
        """
        now = self.promoted(name)
        if now is None or not now.before:
            raise ModelError(f"{name}: nothing to roll back to")
        return self.promote(name, now.before, at)
