"""The process that does the heavy work: `python -m serve.knowledge.worker`, started by a gateway.

Reads jobs from standard input and writes results to standard output, one at a time, each with its
length before it. Runs at a low priority, and ends when its input does.
"""

from __future__ import annotations

import select
import sys
from typing import assert_never

import msgspec

from bot.checking import check
from bot.knowledge import Base
from bot.tables import FileError
from serve.knowledge import jobs as j
from serve.knowledge.framing import read_frame, write_frame
from serve.knowledge.importing import read_file
from serve.priority import give_way, stay_on_one_processor

IDLE_S = 600.0


def do(job: j.Job) -> j.Result:
    """Return the result of a job, whatever happens in it."""
    try:
        return _do(job)
    except FileError as error:
        return j.Refused(detail=str(error))
    except Exception as error:  # noqa: BLE001  # the next job must find this process alive
        return j.Refused(detail=repr(error), ours=True)


def _do(job: j.Job) -> j.Result:
    # What is slow to import is imported by the job that needs it.
    match job:
        case j.ReadFile():
            return read_file(
                job.data,
                job.format,
                now=job.now,
                all_or_none=job.all_or_none,
                known=job.known,
            )
        case j.CheckBase():
            return j.Problems(problems=check(_base(job.body), job.now))
        case j.TryQuestion():
            from serve.knowledge.trying import try_question  # noqa: PLC0415

            return j.Tried(decision=try_question(job))
        case j.FindWeak():
            from bot.weak import weak_topics  # noqa: PLC0415
            from serve.knowledge.trying import learned  # noqa: PLC0415

            return j.Weak(topics=weak_topics(learned(job.body)))
        case j.ClusterTexts():
            from bot.clustering import cluster  # noqa: PLC0415

            return j.Clusters(clusters=[one.members for one in cluster(job.texts)])
        case j.TrainBase():
            from serve.knowledge.training import train  # noqa: PLC0415

            live = _base(job.live) if job.live else None
            return j.Trained(gate=train(_base(job.draft), live, job.reviewed, job.now))
        case _:
            assert_never(job)


def _base(body: bytes) -> Base:
    return msgspec.json.decode(body, type=Base)


def main() -> None:
    """Work until the input ends, or nothing was asked for a while."""
    give_way()
    stay_on_one_processor()
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
