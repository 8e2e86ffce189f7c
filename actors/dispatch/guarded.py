"""A policy of one's own, live: in a process of its own, under a deadline.

Code that hangs cannot be stopped in the process that it hangs in; so a user's policy never runs in
dispatch's. It is asked over a pipe and has `DEADLINE_S` to answer. If it has not by then, its
process is killed and another started; meanwhile, and until that has loaded it, the ladder decides.
Built-in policies run in dispatch itself: they are ours, tested against an exam with a budget, and
none can hang, whatever its parameters: see docs/decisions/0106-own-policies-in-a-process.md.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from policies.draft import Draft
from policies.view import Match, View
from policies.worker import LENGTH, Answer, Request

DEADLINE_S = 0.05
LOAD_S = 20.0
"""A policy that has not loaded by then is started anew."""
CONTACTS_N = 1_000
"""A policy of one's own sees so many of the waiting: those to be served first."""

_encode = msgspec.msgpack.Encoder().encode
_answer = msgspec.msgpack.Decoder(Answer).decode
_folder: list[Path] = []


class NotReadyError(Exception):
    """The policy's process is still loading: ask again soon."""


def use_folder(folder: Path | None) -> None:
    """Say where this process finds users' policies; None: nowhere."""
    _folder[:] = [] if folder is None else [folder]


def file_of(name: str) -> Path:
    """Return where a user's policy is.

    Raises:
        LookupError: there is no such file in the folder.
    """
    file = name.partition(":")[0]
    if not _folder or os.sep in file or not (_folder[0] / file).is_file():
        raise LookupError(f"no file {file!r} in RAYDESK_POLICIES_DIR")
    return _folder[0] / file


class GuardedPolicy:
    """Asks a user's policy (implements `policies.view.Policy`).

    Raises:
        LookupError: there is no such file in the folder.
    """

    def __init__(self, name: str, params: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._class = name.partition(":")[2]
        self._file, self._params, self._clock = file_of(name), params, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._start()

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the policy's matches; see `Policy.decide`.

        Raises:
            NotReadyError: it is still loading.
            TimeoutError: it did not answer in time, and has been killed.
            RuntimeError: it raised; the text says what.
        """
        self._check_ready()
        until = self._clock() + DEADLINE_S
        try:
            self._send(_encode(_request_of(view, rng)), until)
            answer = _answer(self._receive(until))
        except (OSError, msgspec.DecodeError) as error:
            self.close()
            self._start()
            if isinstance(error, TimeoutError):
                raise TimeoutError("late") from None
            raise RuntimeError(f"{error}") from None
        if answer.error:
            raise RuntimeError(answer.error)
        return answer.matches

    def close(self) -> None:
        """Kill the process."""
        process, self._process, self._ready = self._process, None, False
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def _start(self) -> None:
        self._started_at = self._clock()
        command = [sys.executable, "-m", "policies.worker", str(self._file), self._class]
        self._process = subprocess.Popen(  # noqa: S603 - a file of the operator's own folder
            [*command, self._params],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    def _check_ready(self) -> None:
        """See whether the process has said that it is loaded."""
        if self._ready:
            return
        process = self._process
        assert process is not None
        try:
            self._receive(self._clock())
        except TimeoutError:
            if self._clock() - self._started_at > LOAD_S:
                self.close()
                self._start()
            raise NotReadyError(self.name) from None
        except OSError:
            self.close()
            self._start()
            raise RuntimeError("its process ended: the file does not load") from None
        self._ready = True

    def _send(self, data: bytes, until: float) -> None:
        pipe = self._pipe("stdin")
        rest = memoryview(LENGTH.pack(len(data)) + data)
        while rest:
            self._wait(pipe, selectors.EVENT_WRITE, until)
            rest = rest[os.write(pipe, rest) :]

    def _receive(self, until: float) -> bytes:
        (size,) = LENGTH.unpack(self._read(LENGTH.size, until))
        return self._read(size, until)

    def _read(self, size: int, until: float) -> bytes:
        pipe, parts, left = self._pipe("stdout"), [], size
        while left:
            self._wait(pipe, selectors.EVENT_READ, until)
            part = os.read(pipe, left)
            if not part:
                raise BrokenPipeError("its process ended")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _wait(self, pipe: int, event: int, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            if not selector.select(max(0.0, until - self._clock())):
                raise TimeoutError

    def _pipe(self, which: str) -> int:
        pipe = getattr(self._process, which)
        return int(pipe.fileno())


def _request_of(view: View, rng: Random) -> Request:
    waiting = view.waiting
    contacts = list(waiting)
    if len(contacts) > CONTACTS_N:
        contacts = list(islice(Draft(view).candidates(), CONTACTS_N))
    version, words, gauss = rng.getstate()
    return Request(
        now=view.now,
        contacts=contacts,
        agents=[view.pool[agent] for agent in view.pool],
        queues=list(view.queues.values()),
        only=None if view.only is None else sorted(view.only),
        limit=view.limit,
        dice=(version, words, gauss),
    )
