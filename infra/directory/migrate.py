"""Brings a database to the newest schema; run at every start, and by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import infra.knowledge.tables  # noqa: F401  # its tables belong to the schema

if TYPE_CHECKING:
    from alembic.config import Config


async def upgrade(engine: AsyncEngine) -> None:
    """Run the migrations that are missing; nothing when there is none."""
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    # Only whoever starts a system migrates; every process of it would import this.
    from alembic import command  # noqa: PLC0415

    # Two programs may start at once: the second waits, then finds nothing to do.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7265)")
    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's settings for an open connection."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
