"""row versions, hours, holidays, replies, settings, audit

Revision ID: 0002
Revises: 0001

Columns are added and dropped in place: rebuilding a table in SQLite would drop it, and with it,
by its foreign keys, the rows of others.
"""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VERSIONED = ("accounts", "groups", "skills", "queues", "customers", "sites")
ID = sa.String(128)


def _owned(name: str, *columns: Any, id_length: int = 128) -> None:
    op.create_table(
        name,
        sa.Column("org", ID, nullable=False),
        sa.Column("id", sa.String(id_length), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org", "id"),
    )


def _text(name: str, type_: Any = None, *, nullable: bool = False) -> Any:
    return sa.Column(name, type_ or sa.String(), nullable=nullable)


def _bars() -> list[Any]:
    return [
        _text("kind"),
        _text("value"),
        _text("scope"),
        _text("starts_at", sa.Double()),
        _text("ends_at", sa.Double(), nullable=True),
        _text("reason"),
    ]


BAR = "kind, value, scope, starts_at, ends_at, reason"


def upgrade() -> None:
    zero = sa.text("0")
    for table in VERSIONED:
        op.add_column(
            table, sa.Column("version", sa.BigInteger(), server_default=zero, nullable=False)
        )
    added: tuple[tuple[str, str, Any, str], ...] = (
        ("organisations", "head_version", sa.BigInteger(), "0"),
        ("organisations", "audit_number", sa.BigInteger(), "0"),
        ("organisations", "audit_hash", sa.String(64), "''"),
        ("sites", "name", sa.String(), "''"),
        ("sites", "look", sa.JSON(), "'{}'"),
        ("sites", "enabled", sa.Boolean(), "true"),
    )
    for table, name, type_, default in added:
        column = sa.Column(name, type_, server_default=sa.text(default), nullable=False)
        op.add_column(table, column)
    _owned("hours", _text("name"), _text("settings", sa.JSON()))
    _owned("holidays", _text("name"), _text("days", sa.JSON()))
    _owned(
        "dispositions",
        _text("name"),
        _text("position", sa.Integer()),
        _text("enabled", sa.Boolean()),
    )
    _owned(
        "canned_replies",
        _text("title"),
        _text("text", sa.Text()),
        _text("folder"),
        _text("owner", ID, nullable=True),
        _text("group", ID, nullable=True),
    )
    _owned("settings", _text("settings", sa.JSON()), id_length=140)
    _move_dispositions()
    op.drop_column("organisations", "dispositions")
    _owned("bars", *_bars())
    op.execute(
        f"INSERT INTO bars (org, id, version, {BAR}) "
        f"SELECT org, 'b' || CAST(id AS VARCHAR(20)), 0, {BAR} FROM blacklist"
    )
    op.drop_table("blacklist")
    op.rename_table("bars", "blacklist")
    _make_audit()
    op.create_table(
        "idempotency",
        _text("org", ID),
        _text("subject", ID),
        _text("key", sa.String(255)),
        _text("at_s", sa.Double()),
        _text("fingerprint", sa.String(64)),
        _text("answer", sa.Text()),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org", "subject", "key"),
    )
    op.create_index("ix_idempotency_at", "idempotency", ["org", "at_s"])


def _move_dispositions() -> None:
    bind = op.get_bind()
    organisations = sa.table("organisations", sa.column("id"), sa.column("dispositions", sa.JSON()))
    target = sa.table(
        "dispositions", *(sa.column(c) for c in ("org", "id", "version", "name", "position", "enabled"))
    )
    for org, names in bind.execute(sa.select(organisations)).all():
        for n, name in enumerate(names, 1):
            row = {"org": org, "id": f"d{n}", "version": 0, "name": name, "position": n}
            bind.execute(sa.insert(target).values(**row, enabled=True))


def _make_audit() -> None:
    op.create_table(
        "audit",
        _text("org", ID),
        _text("number", sa.BigInteger()),
        _text("at_us", sa.BigInteger()),
        *(_text(c) for c in ("actor", "role", "client", "address", "action", "resource", "row")),
        _text("before", sa.Text()),
        _text("after", sa.Text()),
        _text("previous", sa.String(64)),
        _text("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("org", "number"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_append_only_{act.lower()} BEFORE {act} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        )


def downgrade() -> None:
    op.drop_index("ix_idempotency_at", "idempotency")
    op.drop_table("idempotency")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only")
    _old_blacklist()
    op.add_column(
        "organisations",
        sa.Column("dispositions", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
    )
    _return_dispositions()
    for table in ("settings", "canned_replies", "dispositions", "holidays", "hours"):
        op.drop_table(table)
    for name in ("enabled", "look", "name"):
        op.drop_column("sites", name)
    for name in ("audit_hash", "audit_number", "head_version"):
        op.drop_column("organisations", name)
    for table in VERSIONED:
        op.drop_column(table, "version")


def _old_blacklist() -> None:
    op.create_table(
        "bars",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("org", ID, nullable=False),
        *_bars(),
        sa.ForeignKeyConstraint(["org"], ["organisations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(f"INSERT INTO bars (org, {BAR}) SELECT org, {BAR} FROM blacklist ORDER BY org, id")
    op.drop_table("blacklist")
    op.rename_table("bars", "blacklist")
    op.create_index("ix_blacklist_org", "blacklist", ["org"])


def _return_dispositions() -> None:
    bind = op.get_bind()
    rows = bind.execute(
        sa.text("SELECT org, name FROM dispositions WHERE enabled ORDER BY org, position, id")
    ).all()
    names: dict[str, list[str]] = {}
    for org, name in rows:
        names.setdefault(org, []).append(name)
    organisations = sa.table("organisations", sa.column("id"), sa.column("dispositions", sa.JSON()))
    for org, found in names.items():
        change = sa.update(organisations).where(organisations.c.id == org)
        bind.execute(change.values(dispositions=found))
