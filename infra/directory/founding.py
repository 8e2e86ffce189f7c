"""Makes an organisation: its row, then everything that was declared, in one transaction."""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from infra.directory import audit
from infra.directory import tables as t
from infra.directory.declared import Declared
from infra.directory.refusals import RefusedError
from infra.directory.writer import Writer


async def new_row(session: AsyncSession, declared: Declared) -> t.Organisation:
    """Add the row of an organisation that has nothing yet."""
    plain = {"name": declared.name, "entry_queue": declared.entry_queue}
    row = t.Organisation(
        id=declared.org,
        version=0,
        head_version=0,
        grace_s=0.0,
        origins=[],
        vip_points={},
        audit_number=0,
        audit_hash=audit.BEGINNING,
        **plain,
    )
    session.add(row)
    await session.flush()
    return row


async def found(writer: Writer, declared: Declared) -> None:
    """Make another organisation, by somebody of the writer's who may. Both audits say so: the new
    one names the founder with the organisation that they are from.

    Raises:
        RefusedError: `exists`, or `not_held`.
    """
    session = writer.session
    if await session.get(t.Organisation, declared.org) is not None:
        raise RefusedError("exists", f"there is an organisation {declared.org!r} already")
    row = await new_row(session, declared)
    founder = msgspec.structs.replace(writer.by, subject=f"{writer.by.subject}@{writer.org}")
    first = Writer(session, row, founder, writer.now)
    await first.replace(declared)
    await first.check_administrator()
    first.finish()
    writer.founded.append(first)
    after = {"name": declared.name}
    act = audit.Act(action="create", resource="organisations", row=declared.org, after=after)
    writer.act(act)
