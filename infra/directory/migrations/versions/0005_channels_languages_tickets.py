"""what agents speak and hold by channel; tickets

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.String(128)


def upgrade() -> None:
    for name, empty in (("channels", "'{}'"), ("languages", "'[]'")):
        column = sa.Column(name, sa.JSON(), server_default=sa.text(empty), nullable=False)
        op.add_column("accounts", column)
    op.create_table(
        "tickets",
        sa.Column("org", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("queue", ID, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("ix_tickets_at", "tickets", ["org", "at"])


def downgrade() -> None:
    op.drop_index("ix_tickets_at", "tickets")
    op.drop_table("tickets")
    for name in ("languages", "channels"):
        op.drop_column("accounts", name)
