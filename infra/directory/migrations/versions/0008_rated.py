"""when a bot was rated, so that its last question is

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("since_ms", "rated_ms"):
        column = sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        op.add_column("bot_sessions", column)
    op.create_index("ix_bot_questions_session", "bot_questions", ["org", "session", "at_ms"])


def downgrade() -> None:
    op.drop_index("ix_bot_questions_session", "bot_questions")
    for name in ("rated_ms", "since_ms"):
        op.drop_column("bot_sessions", name)
