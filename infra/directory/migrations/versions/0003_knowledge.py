"""knowledge bases, their versions, and what the bots were asked

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(128)
ZERO, EMPTY = sa.text("0"), sa.text("''")
OF_A_BASE = ("versions", "rollouts", "edits", "topics", "categories")


def _has(name: str, type_: Any, default: Any = None) -> Any:
    return sa.Column(name, type_, server_default=default, nullable=False, autoincrement=False)


def _of_organisation() -> Any:
    return sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE")


def _of_base() -> Any:
    whole = ["knowledge_bases.org", "knowledge_bases.id"]
    return sa.ForeignKeyConstraint(["org", "base"], whole, ondelete="CASCADE")


def upgrade() -> None:
    _make_bases()
    _make_outcomes()
    _forbid_changes()


def _make_bases() -> None:
    op.create_table(
        "knowledge_bases",
        _has("org", ID),
        _has("id", ID),
        _has("name", sa.String()),
        _has("settings", sa.JSON()),
        _has("strangers", sa.Text()),
        _has("version", sa.BigInteger()),
        _has("tree_version", sa.BigInteger()),
        _has("revision", sa.BigInteger()),
        _has("edits_n", sa.BigInteger()),
        _has("generation", sa.BigInteger()),
        _has("versions_n", sa.Integer()),
        _has("live", sa.Integer()),
        _has("candidate", sa.Integer()),
        _has("stage", sa.String(length=16)),
        _of_organisation(),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_table(
        "knowledge_categories",
        _has("org", ID),
        _has("base", ID),
        _has("id", sa.String(length=300)),
        _has("name", sa.String()),
        _has("parent", sa.String(length=300)),
        _has("position", sa.Integer()),
        _of_base(),
        sa.PrimaryKeyConstraint("org", "base", "id"),
    )
    op.create_table(
        "knowledge_edits",
        _has("org", ID),
        _has("base", ID),
        _has("number", sa.BigInteger()),
        _has("kind", sa.String(length=16)),
        _has("row", sa.String(length=300)),
        _has("action", sa.String(length=16)),
        _has("at", sa.Double()),
        _has("actor", sa.String()),
        _has("before", sa.Text()),
        _has("after", sa.Text()),
        _of_base(),
        sa.PrimaryKeyConstraint("org", "base", "number"),
    )
    op.create_index("ix_knowledge_edits_row", "knowledge_edits", ["org", "base", "kind", "row"])
    op.create_table(
        "knowledge_rollouts",
        _has("org", ID),
        _has("base", ID),
        _has("number", sa.Integer()),
        _has("version", sa.BigInteger()),
        _has("stage", sa.String(length=16)),
        _has("state", sa.JSON()),
        _of_base(),
        sa.PrimaryKeyConstraint("org", "base", "number"),
    )
    op.create_table(
        "knowledge_topics",
        _has("org", ID),
        _has("base", ID),
        _has("id", ID),
        _has("version", sa.BigInteger()),
        _has("question", sa.Text()),
        _has("similar", sa.Text()),
        _has("answers", sa.JSON()),
        _has("category", sa.String(length=300)),
        _has("related", sa.JSON()),
        sa.Column("valid_from", sa.Double(), nullable=True),
        sa.Column("valid_until", sa.Double(), nullable=True),
        _has("enabled", sa.Boolean()),
        _has("source", sa.String()),
        _has("hot", sa.Integer()),
        _of_base(),
        sa.PrimaryKeyConstraint("org", "base", "id"),
    )
    op.create_table(
        "knowledge_versions",
        _has("org", ID),
        _has("base", ID),
        _has("number", sa.Integer()),
        _has("at", sa.Double()),
        _has("actor", sa.String()),
        _has("note", sa.String()),
        _has("restored", sa.Integer()),
        _has("topics_n", sa.Integer()),
        _has("digest", sa.String(length=64)),
        _has("body", sa.LargeBinary()),
        _of_base(),
        sa.PrimaryKeyConstraint("org", "base", "number"),
    )


def _make_outcomes() -> None:
    op.create_table(
        "bot_questions",
        _has("org", ID),
        _has("id", sa.String(length=200)),
        _has("at_ms", sa.BigInteger(), ZERO),
        _has("session", ID, EMPTY),
        _has("customer", sa.String(), EMPTY),
        _has("base", ID, EMPTY),
        _has("published", sa.Integer(), ZERO),
        _has("text", sa.Text(), EMPTY),
        _has("lang", sa.String(length=16), EMPTY),
        _has("band", sa.String(length=16), EMPTY),
        _has("topic", sa.String(), EMPTY),
        sa.Column("probability", sa.Double(), nullable=True),
        _has("suggestions", sa.Text(), EMPTY),
        _has("clicked", sa.String(), EMPTY),
        _has("rating", sa.Integer(), ZERO),
        _has("handoff", sa.String(length=64), EMPTY),
        _has("used", sa.String(), EMPTY),
        _has("shadow_topic", sa.String(), EMPTY),
        sa.Column("shadow_probability", sa.Double(), nullable=True),
        _has("review", sa.String(length=16), EMPTY),
        _has("review_topic", sa.String(), EMPTY),
        _has("reviewer", sa.String(), EMPTY),
        sa.Column("reviewed_at", sa.Double(), nullable=True),
        _of_organisation(),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("ix_bot_questions_at", "bot_questions", ["org", "base", "at_ms"])
    op.create_table(
        "bot_sessions",
        _has("org", ID),
        _has("id", ID),
        _has("at_ms", sa.BigInteger(), ZERO),
        _has("base", ID, EMPTY),
        _has("customer", sa.String(), EMPTY),
        _has("ended_ms", sa.BigInteger(), ZERO),
        _has("human", sa.Integer(), ZERO),
        _has("handoff", sa.String(length=64), EMPTY),
        _has("rating", sa.Integer(), ZERO),
        _of_organisation(),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("ix_bot_sessions_at", "bot_sessions", ["org", "at_ms"])
    op.create_index("ix_bot_sessions_customer", "bot_sessions", ["org", "customer", "at_ms"])


def _forbid_changes() -> None:
    """A version that was published stays as it was."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION knowledge_version_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a published version cannot be changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER knowledge_versions_stay BEFORE UPDATE ON knowledge_versions "
            "FOR EACH STATEMENT EXECUTE FUNCTION knowledge_version_stays()"
        )
        return
    op.execute(
        "CREATE TRIGGER knowledge_versions_stay BEFORE UPDATE ON knowledge_versions "
        "BEGIN SELECT RAISE(ABORT, 'a published version cannot be changed'); END"
    )


def downgrade() -> None:
    for table in ("bot_sessions", "bot_questions"):
        op.drop_table(table)
    for part in OF_A_BASE:
        op.drop_table(f"knowledge_{part}")
    op.drop_table("knowledge_bases")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION knowledge_version_stays")
