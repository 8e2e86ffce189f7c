"""Alembic's entry: runs on the connection that `infra.directory.migrate` opened."""

from __future__ import annotations

from alembic import context

from infra.directory.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
