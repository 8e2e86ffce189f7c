"""The knowledge base: what the bot may say, as frozen values, with the history of its versions.

A base belongs to one organisation. Publishing never changes a value in place: it makes the next
version, and a roll-back publishes an older one's content again. Storage is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    def examples(self, now: float | None = None) -> Iterator[tuple[str, str]]:
        """Yield (wording, topic id) of every topic, or of those live at `now`."""
        for topic in self.topics:
            if topic.enabled and (now is None or topic.is_live(now)):
                yield from ((text, topic.id) for text in topic.phrasings())

    def by_id(self) -> dict[str, Topic]:
        """Return the topics by their ids."""
        return {topic.id: topic for topic in self.topics}

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


class UnknownVersionError(LookupError):
    """No such version was ever published."""


class History(msgspec.Struct):
    """Every published version, oldest first; the last is live. Only ever grows."""

    versions: list[Version] = msgspec.field(default_factory=list)

    @property
    def live(self) -> Version | None:
        """The version that answers now, None before the first."""
        return self.versions[-1] if self.versions else None

    def publish(self, base: Base, at: float, by: str = "", note: str = "") -> Version:
        """Make `base` the live version and return it, with the next number."""
        number = len(self.versions) + 1
        self.versions.append(Version(number=number, base=base, at=at, by=by, note=note))
        return self.versions[-1]

    def roll_back(self, number: int, at: float, by: str = "") -> Version:
        """Publish the content of version `number` again and return the new version.

        Raises:
            UnknownVersionError: `number` was never published.
        """
        if not 1 <= number <= len(self.versions):
            raise UnknownVersionError(f"there is no version {number}")
        base = self.versions[number - 1].base
        version = Version(number=len(self.versions) + 1, base=base, at=at, by=by, restored=number)
        self.versions.append(version)
        return version
