"""roles of an organisation's own, and acts that the audit has already

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.String(128)


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("org", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.Column("groups_only", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_table(
        "audit_keys",
        sa.Column("org", ID, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org", "key"),
    )


def downgrade() -> None:
    op.drop_table("audit_keys")
    op.drop_table("roles")
