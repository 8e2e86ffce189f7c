"""A gateway's door to the process that does the heavy work, so that chats keep the processor.

One job at a time, few may wait, each has a deadline; a worker that is stuck or dead is replaced.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import msgspec

from serve.knowledge import jobs as j
from serve.knowledge.framing import read_frame, write_frame

DEADLINE_S = 120.0
WAITING_N = 8
END_S = 1.0
"""A worker that is idle ends at once; one that works is ended."""
_ROOT = Path(__file__).resolve().parent.parent.parent
_COMMAND = [sys.executable, "-m", "serve.knowledge.worker"]
R = TypeVar("R", j.FileTopics, j.Problems, j.Tried, j.Weak, j.Clusters, j.Trained)


class WorkshopError(Exception):
    """The job was not done: too many wait, or the worker died over it or took too long."""


class JobRefusedError(Exception):
    """The job cannot be done; the text says why to whoever asked for it."""


class Workshop:
    """Starts its worker when the first job comes. Safe to use from one event loop."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._worker: subprocess.Popen[bytes] | None = None

    async def ask(self, job: j.Job, kind: type[R]) -> R:
        """Return the result of a job.

        Raises:
            JobRefusedError, WorkshopError: see there.
        """
        if self._waiting >= WAITING_N:
            raise WorkshopError("many jobs are waiting")
        # Shielded: whoever gives up must not leave the pipes in the middle of a job.
        data = await asyncio.shield(asyncio.ensure_future(self._in_turn(job)))
        result = msgspec.msgpack.decode(data, type=j.Result)
        if isinstance(result, j.Refused):
            raise (WorkshopError if result.ours else JobRefusedError)(result.detail)
        if not isinstance(result, kind):
            raise WorkshopError(f"the worker answered with {type(result).__name__}")
        return result

    def close(self) -> None:
        """End the worker; the next job starts another."""
        if self._worker is not None:
            _end(self._worker)
            self._worker = None

    async def _in_turn(self, job: j.Job) -> bytes:
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._do, msgspec.msgpack.encode(job))
        finally:
            self._waiting -= 1

    def _do(self, job: bytes) -> bytes:
        worker = self._running()
        data = None if worker is None else self._round_trip(worker, job)
        if data is None:
            # There was none, or it had ended because nothing was asked for a while.
            worker = self._start()
            data = self._round_trip(worker, job)
        if data is None:
            self.close()
            raise WorkshopError("the worker ended before the job was done")
        return data

    def _round_trip(self, worker: subprocess.Popen[bytes], job: bytes) -> bytes | None:
        assert worker.stdin is not None
        assert worker.stdout is not None
        overdue = threading.Timer(self._deadline_s, worker.kill)
        overdue.start()
        try:
            write_frame(cast("BinaryIO", worker.stdin), job)
            return read_frame(cast("BinaryIO", worker.stdout))
        except OSError:
            return None
        finally:
            overdue.cancel()

    def _running(self) -> subprocess.Popen[bytes] | None:
        worker = self._worker
        return worker if worker is not None and worker.poll() is None else None

    def _start(self) -> subprocess.Popen[bytes]:
        self.close()
        worker = subprocess.Popen(  # noqa: S603  # our own program
            _COMMAND, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        weakref.finalize(self, _end, worker)
        self._worker = worker
        return worker


def _end(worker: subprocess.Popen[bytes]) -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except OSError:
                continue
    try:
        worker.wait(END_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
