"""Reads recorded dialogues: JSON lines `{"id", "turns": [{"role", "text"}]}`, role `customer` or
`agent`."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Literal

import msgspec


class Spoken(msgspec.Struct, frozen=True):
    """One turn of a recorded dialogue."""

    role: Literal["customer", "agent"]
    text: str


class Dialogue(msgspec.Struct, frozen=True):
    """One recorded dialogue; becomes one session."""

    id: str
    turns: list[Spoken]


def read_dialogues(path: Path, sessions: int) -> list[Dialogue]:
    """Return `sessions` dialogues of the file, from its beginning again if it has fewer.

    Raises:
        ValueError: a line is no dialogue, or there is none.
    """
    decoder = msgspec.json.Decoder(Dialogue)
    found: list[Dialogue] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found.append(decoder.decode(line))
            except msgspec.DecodeError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            if len(found) == sessions:
                break
    if not found:
        raise ValueError(f"{path} has no dialogue")
    return list(islice(cycle(found), sessions))
