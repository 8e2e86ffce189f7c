"""The heavy work around knowledge bases, done in a process beside the gateway: reading files,
checking, trying questions, clustering, training. Here is what is asked for, and what comes back."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.checking import Problem
from bot.decisions import Decision
from bot.rollout import Gate
from bot.rows import BadRow
from bot.tables import Format
from bot.weak import WeakTopic


class ReadFile(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read a file with topics. `known`: ids elsewhere, that they may be related to."""

    data: bytes
    format: Format
    now: float
    all_or_none: bool = False
    known: list[str] = []


class CheckBase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Find what is wrong with a base (JSON)."""

    body: bytes
    now: float


class TryQuestion(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Answer a question from a base (JSON), and say why."""

    body: bytes
    version: int
    question: str
    now: float
    audience: Literal["customer", "agent"] = "customer"


class FindWeak(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Learn a base (JSON), and name the topics that need more phrasings."""

    body: bytes


class ClusterTexts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Put texts that are alike together."""

    texts: list[str]


class TrainBase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Train on a draft, and hold it against the live version (both JSON; b'' for none) on reviewed
    questions: (text, topic id or '' for a stranger)."""

    draft: bytes
    live: bytes
    reviewed: list[tuple[str, str]]
    now: float


Job = ReadFile | CheckBase | TryQuestion | FindWeak | ClusterTexts | TrainBase


class FileTopics(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a file holds. `topics` are `infra.knowledge.forms.TopicForm`s by id, as JSON has them,
    `categories` too. `left_out`: ids of rows that were not taken. `refused`: nothing is to be
    written, because something was bad."""

    topics: dict[str, dict[str, object]]
    categories: list[dict[str, object]]
    bad: list[BadRow]
    left_out: list[str]
    problems: list[Problem]
    refused: bool


class Problems(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is wrong with a base."""

    problems: list[Problem]


class Tried(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a base says to a question."""

    decision: Decision


class Weak(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Topics that need more phrasings, the worst first."""

    topics: list[WeakTopic]


class Clusters(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Clusters of texts: the places of their members, the leader first."""

    clusters: list[list[int]]


class Trained(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How the draft stood the gate."""

    gate: Gate


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The job cannot be done: `detail` is for whoever asked. `ours`: it is our defect."""

    detail: str
    ours: bool = False


Result = FileTopics | Problems | Tried | Weak | Clusters | Trained | Refused
