"""What became of each question that the bot got: what the learning loop and the report live on.

An outcome may come in pieces and more than once: the question with its answer, later a click, a
rating, what a human used. Pieces of one id are merged; empty fields mean "not known here".
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Band = Literal["", "answer", "clarify", "fallback"]
MAX_TEXT = 2_000
"""Characters of a question that are kept."""


class QuestionOutcome(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="question"
):
    """One question. `id` names it for ever (such as `<session>:<seq>`), so that the same news may
    be told twice. `at` is the second since 1970 at which it was asked."""

    org: str
    id: str
    at: float = 0.0
    session: str = ""
    customer: str = ""
    base: str = ""
    version: int = 0
    text: str = ""
    lang: str = ""
    band: Band = ""
    topic: str = ""
    """The best topic, shown or not."""
    probability: float | None = None
    """Calibrated P(topic is right)."""
    suggestions: tuple[str, ...] = ()
    clicked: str = ""
    """The suggested topic that the customer took."""
    rating: int = 0
    """1-5; 0: none."""
    handoff: str = ""
    """The reason, when this question led to a human."""
    used: str = ""
    """The suggested topic that a human agent used."""
    shadow_topic: str = ""
    shadow_probability: float | None = None
    """What a candidate version would have said, unseen."""


class SessionOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session"):
    """One session that a bot served; `id` is the session's. `at` is its beginning."""

    org: str
    id: str
    at: float = 0.0
    base: str = ""
    customer: str = ""
    ended_at: float = 0.0
    human: bool = False
    """A human took part."""
    handoff: str = ""
    rating: int = 0
    returned: bool = False
    """Its customer asked for help again within 24 hours, of a bot or of a person."""


Outcome = QuestionOutcome | SessionOutcome


class OutcomeSink(Protocol):
    """Takes outcomes without ever making the caller wait."""

    def put(self, outcome: Outcome) -> bool:
        """Take it along; False: it was dropped, because the queue is full: the caller counts it."""
        ...
