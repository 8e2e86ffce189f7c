"""What a base can be asked in the worker before it is live: the last bases stay learned."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import msgspec

from bot.answering import Understanding
from bot.decisions import Decision
from bot.knowledge import Base
from serve.knowledge.encoding import encoder_here
from serve.knowledge.jobs import TryQuestion

KEPT_N = 3
"""Bases that stay learned, for what is asked next."""

_learned: OrderedDict[tuple[bytes, int], Understanding] = OrderedDict()


def try_question(job: TryQuestion) -> Decision:
    """Return what the base says, with the reasons; learning a new base takes its time."""
    bot = learned(job.body, job.version)
    return bot.answer(job.question, now=job.now, audience=job.audience, explain=True)


def learned(body: bytes, version: int = 0) -> Understanding:
    """Return a base (JSON), learned."""
    key = (hashlib.sha256(body).digest(), version)
    if key not in _learned:
        base = msgspec.json.decode(body, type=Base)
        _learned[key] = Understanding.learn(base, version=version, encoder=encoder_here())
        while len(_learned) > KEPT_N:
            _learned.popitem(last=False)
    _learned.move_to_end(key)
    return _learned[key]
