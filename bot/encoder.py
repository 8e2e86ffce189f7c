"""What turns texts into vectors that lie near each other where the meaning is alike: an encoder
that an operator keeps in a folder (`bot.onnx_encoder`), or the word vectors that Raydesk comes with
(`bot.word_vectors`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from bot.features import F32


class EncoderError(ValueError):
    """The folder holds no encoder that can be used here; the text says which file, and why."""


class Encoder(Protocol):
    """Any number of threads may use it. Pickled as the files that it was read from, which must be
    the same where it is read back."""

    @property
    def folder(self) -> Path:
        """Where its files lie."""

    @property
    def identity(self) -> str:
        """What names the content of its files: vectors of two encoders cannot be compared."""

    @property
    def width(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> F32:
        """Return texts x width: a row of length 1 (or 0) for each text."""


def open_encoder(folder: str | Path | None = None) -> Encoder:
    """Return the encoder of a folder; None: the word vectors. Asked again about unchanged files:
    the same one.

    Raises:
        EncoderError: a file is missing or not what is expected, or the packages are not installed.
    """
    if folder is None:
        from bot.word_vectors import word_vectors  # noqa: PLC0415 - it needs this module

        return word_vectors()
    from bot.onnx_encoder import open_onnx  # noqa: PLC0415 - the same

    return open_onnx(folder)


def of_length_1(rows: F32) -> F32:
    """Return the rows, each brought to length 1 (or 0)."""
    fair: F32 = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    return fair
