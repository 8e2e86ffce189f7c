"""Alembic migrations of the directory."""
