"""which result codes say that a matter was solved

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispositions", sa.Column("solved", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispositions", "solved")
