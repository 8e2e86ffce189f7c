"""The tables of knowledge bases and of what bots were asked, each row with its organisation.

`version` of a row is its base's revision when the row was last written: a row that was removed and
made again never has a version that it had before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from infra.directory.tables import ID, Base

ZERO, EMPTY = text("0"), text("''")
PATH = String(300)


def _org() -> Mapped[str]:
    return mapped_column(ID, ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True)


def _of_base() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["org", "base"], ["knowledge_bases.org", "knowledge_bases.id"], ondelete="CASCADE"
    )


class KnowledgeBase(Base):
    """The draft of a base, which is edited, and which of its versions is live. `revision` grows
    with every edit, `generation` with every change of what is live; `version` and `tree_version`
    are the ETags of its settings and of its categories."""

    __tablename__ = "knowledge_bases"
    org: Mapped[str] = _org()
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    strangers: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(BigInteger)
    tree_version: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(BigInteger)
    edits_n: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(BigInteger)
    versions_n: Mapped[int]
    live: Mapped[int]
    candidate: Mapped[int]
    stage: Mapped[str] = mapped_column(String(16))


class KnowledgeCategory(Base):
    """A node of the category tree; `parent` is empty at the top."""

    __tablename__ = "knowledge_categories"
    __table_args__ = (_of_base(),)
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    base: Mapped[str] = mapped_column(ID, primary_key=True)
    id: Mapped[str] = mapped_column(PATH, primary_key=True)
    name: Mapped[str]
    parent: Mapped[str] = mapped_column(PATH)
    position: Mapped[int]


class KnowledgeTopic(Base):
    """A topic of the draft; `similar` is one question a line, so that it can be searched."""

    __tablename__ = "knowledge_topics"
    __table_args__ = (_of_base(),)
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    base: Mapped[str] = mapped_column(ID, primary_key=True)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    question: Mapped[str] = mapped_column(Text)
    similar: Mapped[str] = mapped_column(Text)
    answers: Mapped[list[Any]] = mapped_column(JSON)
    category: Mapped[str] = mapped_column(PATH)
    related: Mapped[list[Any]] = mapped_column(JSON)
    valid_from: Mapped[float | None]
    valid_until: Mapped[float | None]
    enabled: Mapped[bool]
    source: Mapped[str]
    hot: Mapped[int]


class KnowledgeEdit(Base):
    """One edit: who, when, what it was before. `before` and `after` are JSON, '' for none."""

    __tablename__ = "knowledge_edits"
    __table_args__ = (_of_base(), Index("ix_knowledge_edits_row", "org", "base", "kind", "row"))
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    base: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    row: Mapped[str] = mapped_column(PATH)
    action: Mapped[str] = mapped_column(String(16))
    at: Mapped[float]
    actor: Mapped[str]
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)


class KnowledgeVersion(Base):
    """A published version: the database refuses to change one. `body` is the base as compressed
    JSON, `digest` its SHA-256."""

    __tablename__ = "knowledge_versions"
    __table_args__ = (_of_base(),)
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    base: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[float]
    actor: Mapped[str]
    note: Mapped[str]
    restored: Mapped[int]
    topics_n: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class KnowledgeRollout(Base):
    """How a trained version is brought out, step by step; `state` is the machine's."""

    __tablename__ = "knowledge_rollouts"
    __table_args__ = (_of_base(),)
    org: Mapped[str] = mapped_column(ID, primary_key=True)
    base: Mapped[str] = mapped_column(ID, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    stage: Mapped[str] = mapped_column(String(16))
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class BotQuestion(Base):
    """A question and what became of it. `review` is empty while it waits in the inbox, else
    `topic`, `stranger` or `ignored`."""

    __tablename__ = "bot_questions"
    __table_args__ = (
        Index("ix_bot_questions_at", "org", "base", "at_ms"),
        Index("ix_bot_questions_session", "org", "session", "at_ms"),
    )
    org: Mapped[str] = _org()
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    session: Mapped[str] = mapped_column(ID, server_default=EMPTY)
    customer: Mapped[str] = mapped_column(server_default=EMPTY)
    base: Mapped[str] = mapped_column(ID, server_default=EMPTY)
    published: Mapped[int] = mapped_column(server_default=ZERO)
    text: Mapped[str] = mapped_column(Text, server_default=EMPTY)
    lang: Mapped[str] = mapped_column(String(16), server_default=EMPTY)
    band: Mapped[str] = mapped_column(String(16), server_default=EMPTY)
    topic: Mapped[str] = mapped_column(server_default=EMPTY)
    probability: Mapped[float | None]
    suggestions: Mapped[str] = mapped_column(Text, server_default=EMPTY)
    clicked: Mapped[str] = mapped_column(server_default=EMPTY)
    rating: Mapped[int] = mapped_column(server_default=ZERO)
    handoff: Mapped[str] = mapped_column(String(64), server_default=EMPTY)
    used: Mapped[str] = mapped_column(server_default=EMPTY)
    shadow_topic: Mapped[str] = mapped_column(server_default=EMPTY)
    shadow_probability: Mapped[float | None]
    review: Mapped[str] = mapped_column(String(16), server_default=EMPTY)
    review_topic: Mapped[str] = mapped_column(server_default=EMPTY)
    reviewer: Mapped[str] = mapped_column(server_default=EMPTY)
    reviewed_at: Mapped[float | None]


class BotSession(Base):
    """A session that a bot served. `human` is 1 when a human took part, `returned` when its
    customer asked for help again within 24 hours. `rating` is about what was asked of the bot from
    `since_ms` to `rated_ms`."""

    __tablename__ = "bot_sessions"
    __table_args__ = (
        Index("ix_bot_sessions_at", "org", "at_ms"),
        Index("ix_bot_sessions_customer", "org", "customer", "at_ms"),
    )
    org: Mapped[str] = _org()
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    base: Mapped[str] = mapped_column(ID, server_default=EMPTY)
    customer: Mapped[str] = mapped_column(server_default=EMPTY)
    ended_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    human: Mapped[int] = mapped_column(server_default=ZERO)
    handoff: Mapped[str] = mapped_column(String(64), server_default=EMPTY)
    rating: Mapped[int] = mapped_column(server_default=ZERO)
    since_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    rated_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    returned: Mapped[int] = mapped_column(server_default=ZERO)
