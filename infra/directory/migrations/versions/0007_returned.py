"""which customers of bots came back to anybody

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    zero = sa.text("0")
    op.add_column(
        "bot_sessions", sa.Column("returned", sa.Integer(), server_default=zero, nullable=False)
    )


def downgrade() -> None:
    op.drop_column("bot_sessions", "returned")
