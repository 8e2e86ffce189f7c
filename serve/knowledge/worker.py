"""The process that does the heavy work: `python -m serve.knowledge.worker`, started by a gateway.

Reads jobs from standard input and writes results to standard output, one at a time, each with its
length before it. Runs at a low priority, and ends when its input does.
"""

from __future__ import annotations

import hashlib
import os
import select
import sys
from collections import OrderedDict
from typing import BinaryIO, assert_never

import msgspec

from bot.answering import Understanding
from bot.checking import check
from bot.knowledge import Base
from bot.tables import FileError
from serve.knowledge import jobs as j
from serve.knowledge.importing import read_file
from serve.knowledge.training import train

IDLE_S = 600.0
NICE = 10
KEPT_N = 3
"""Bases that stay learned, for the next question."""
LENGTH_N = 8

_learned: OrderedDict[tuple[bytes, int], Understanding] = OrderedDict()


def do(job: j.Job) -> j.Result:
    """Return the result of a job, whatever happens in it."""
    try:
        return _do(job)
    except FileError as error:
        return j.Refused(detail=str(error))
    except Exception as error:  # noqa: BLE001  # the next job must find this process alive
        return j.Refused(detail=repr(error), ours=True)


def _do(job: j.Job) -> j.Result:
    match job:
        case j.ReadFile():
            return read_file(job.data, job.format, now=job.now, all_or_none=job.all_or_none)
        case j.CheckBase():
            return j.Problems(problems=check(_base(job.body), job.now))
        case j.TryQuestion():
            learned = _understanding(job.body, job.version)
            decision = learned.answer(
                job.question, now=job.now, audience=job.audience, explain=True
            )
            return j.Tried(decision=decision)
        case j.ClusterTexts():
            from bot.clustering import cluster  # noqa: PLC0415  # a second's import, seldom needed

            return j.Clusters(clusters=[one.members for one in cluster(job.texts)])
        case j.TrainBase():
            live = _base(job.live) if job.live else None
            return j.Trained(gate=train(_base(job.draft), live, job.reviewed, job.now))
        case _:
            assert_never(job)


def _base(body: bytes) -> Base:
    return msgspec.json.decode(body, type=Base)


def _understanding(body: bytes, version: int) -> Understanding:
    key = (hashlib.sha256(body).digest(), version)
    if key not in _learned:
        _learned[key] = Understanding.learn(_base(body), version=version)
        while len(_learned) > KEPT_N:
            _learned.popitem(last=False)
    _learned.move_to_end(key)
    return _learned[key]


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


def main() -> None:
    """Work until the input ends, or nothing was asked for a while."""
    os.nice(NICE)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not end up between the frames.
    sys.stdout = sys.stderr
    decoder = msgspec.msgpack.Decoder(j.Job)
    while select.select([source], [], [], IDLE_S)[0]:
        data = read_frame(source)
        if data is None:
            return
        write_frame(target, msgspec.msgpack.encode(do(decoder.decode(data))))


if __name__ == "__main__":
    main()
