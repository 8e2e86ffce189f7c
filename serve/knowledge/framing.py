"""Frames between a gateway and its worker: each with its length before it."""

from __future__ import annotations

from typing import BinaryIO

LENGTH_N = 8


def read_frame(source: BinaryIO) -> bytes | None:
    """Return the next frame, None at the end."""
    head = source.read(LENGTH_N)
    if len(head) < LENGTH_N:
        return None
    length = int.from_bytes(head, "big")
    data = source.read(length)
    return data if len(data) == length else None


def write_frame(target: BinaryIO, data: bytes) -> None:
    """Write a frame."""
    target.write(len(data).to_bytes(LENGTH_N, "big"))
    target.write(data)
    target.flush()
