"""A policy of one's own in a process of its own: `python -m policies.worker FILE.py CLASS PARAMS`.

Whoever asks (`actors.dispatch.guarded`) writes requests to standard input and reads answers from
standard output, each with its length before it; the first answer, empty, says that the policy is
loaded. What the policy prints goes to standard error. Ends when its input does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from random import Random
from typing import Any, BinaryIO

import msgspec

from policies.own_class import own_class
from policies.view import AgentView, ContactView, Match, Policy, QueueView, View

LENGTH = struct.Struct(">I")


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A view, as data, and the state of its dice."""

    now: float
    contacts: list[ContactView]
    agents: list[AgentView]
    queues: list[QueueView]
    only: list[str] | None
    limit: int
    dice: tuple[int, tuple[int, ...], float | None]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Matches, or why there are none: the text of the policy's exception."""

    matches: list[Match] = []
    error: str = ""


_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(Request).decode


def decide(policy: Policy, data: bytes) -> bytes:
    """Return the policy's encoded answer to an encoded request."""
    request = _request(data)
    view = View.of(
        request.contacts,
        request.agents,
        now=request.now,
        queues=request.queues,
        limit=request.limit,
    )
    view.only = None if request.only is None else frozenset(request.only)
    rng = Random()
    rng.setstate(request.dice)
    try:
        return _encode(Answer(msgspec.convert(list(policy.decide(view, rng)), list[Match])))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the policy's own
        return _encode(Answer(error=f"{type(error).__name__}: {error}"[:500]))


def read(source: BinaryIO) -> bytes | None:
    """Return the next message, None at the end."""
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    return source.read(size)


def write(target: BinaryIO, data: bytes) -> None:
    """Write one message."""
    target.write(LENGTH.pack(len(data)) + data)
    target.flush()


def main(file: str, name: str, params: str) -> None:
    """Serve until the input ends."""
    _end_with_the_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    made: Any = own_class(f"{file}:{name}")
    policy: Policy = made(**json.loads(params))
    write(answers, b"")
    while (data := read(sys.stdin.buffer)) is not None:
        write(answers, decide(policy, data))


def _end_with_the_parent() -> None:
    """On Linux, have the kernel end this process with its parent: one that hangs sees no end of its
    input."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:4])
