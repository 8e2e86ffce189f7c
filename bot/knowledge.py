"""The knowledge base: what the bot may say, as frozen values.

A base belongs to one organisation. Publishing never changes a value in place: it makes the next
version. Storage and history are somebody else's (`infra.knowledge`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Audience = Literal["customer", "agent"]


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to show. text: `text`; image: `url`, `text` (caption); card: `title`, `text`,
    `url`, `buttons`. `audience` agent: shown to the human agent only, never sent."""

    kind: Literal["text", "image", "card"] = "text"
    text: str = ""
    title: str = ""
    url: str = ""
    buttons: tuple[str, ...] = ()
    audience: Audience = "customer"


class Topic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing customers ask about, with its wordings and answers. Instants are seconds since
    1970; `related` holds topic ids; `hot` > 0 shows the topic at hello, highest first."""

    id: str
    question: str
    similar: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    category: str = ""
    related: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    enabled: bool = True
    source: str = ""
    hot: int = 0

    def is_live(self, now: float) -> bool:
        """Tell whether customers may get this topic at `now`."""
        started = self.valid_from is None or self.valid_from <= now
        return self.enabled and started and (self.valid_until is None or now < self.valid_until)

    def phrasings(self) -> tuple[str, ...]:
        """Return the standard question and every similar one."""
        return (self.question, *self.similar)

    def answers_for(self, audience: Audience) -> tuple[Answer, ...]:
        """Return the answers that this audience may see, in order."""
        return tuple(answer for answer in self.answers if answer.audience == audience)


class Category(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node of the category tree; `parent` is empty at the top."""

    id: str
    name: str
    parent: str = ""


class Base(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a knowledge base."""

    id: str
    name: str
    org: str = ""
    topics: tuple[Topic, ...] = ()
    categories: tuple[Category, ...] = ()
    strangers: tuple[str, ...] = ()
    """Reviewed questions that belong to no topic: what out of scope looks like here."""

    def hot(self, now: float, limit: int = 8) -> list[Topic]:
        """Return the topics to show at hello, hottest first."""
        live = [topic for topic in self.topics if topic.hot > 0 and topic.is_live(now)]
        return sorted(live, key=lambda topic: (-topic.hot, topic.id))[:limit]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A published base. `restored` is the number of the version it repeats, 0 for new content."""

    number: int
    base: Base
    at: float
    by: str = ""
    note: str = ""
    restored: int = 0
