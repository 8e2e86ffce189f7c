"""Roll-outs of trained versions, as they are stored, and what was seen of them on trial.

The state is the machine's own (`bot.rollout`), as JSON: this file only keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from infra.directory.refusals import RefusedError
from infra.knowledge import tables as t
from infra.knowledge.inbox import LOW_RATING

_R, _Q = t.KnowledgeRollout, t.BotQuestion


async def add_rollout(
    session: AsyncSession, org: str, base: str, stage: str, state: Mapping[str, Any]
) -> t.KnowledgeRollout:
    """Store a new roll-out under the next number."""
    last = await session.scalar(select(func.max(_R.number)).where(_R.org == org, _R.base == base))
    row = _R(org=org, base=base, number=(last or 0) + 1, version=1, stage=stage, state=dict(state))
    session.add(row)
    await session.flush()
    return row


async def find_rollout(
    session: AsyncSession, org: str, base: str, number: int
) -> t.KnowledgeRollout:
    """Return one.

    Raises:
        RefusedError: `not_found`.
    """
    row = await session.get(_R, {"org": org, "base": base, "number": number})
    if row is None:
        raise RefusedError("not_found", f"there is no roll-out {number}")
    return row


async def active_rollouts(session: AsyncSession, org: str, base: str) -> list[t.KnowledgeRollout]:
    """Return those of a base that wait, are trained or are on trial."""
    wanted = select(_R).where(_R.org == org, _R.base == base, _R.stage.in_(ACTIVE))
    return list(await session.scalars(wanted.order_by(_R.number)))


async def all_active(engine: AsyncEngine) -> list[t.KnowledgeRollout]:
    """Return the same of everybody."""
    async with AsyncSession(engine) as session:
        return list(await session.scalars(select(_R).where(_R.stage.in_(ACTIVE))))


async def list_rollouts(
    engine: AsyncEngine, org: str, base: str, *, before: int, limit: int
) -> list[t.KnowledgeRollout]:
    """Return roll-outs, newest first, from before that number (0: all)."""
    wanted = select(_R).where(_R.org == org, _R.base == base)
    if before:
        wanted = wanted.where(_R.number < before)
    async with AsyncSession(engine) as session:
        return list(await session.scalars(wanted.order_by(_R.number.desc()).limit(limit)))


ACTIVE = ("queued", "training", "shadow", "tenth")


def write_state(row: t.KnowledgeRollout, stage: str, state: Mapping[str, Any]) -> None:
    """Replace a roll-out's state; its version grows."""
    row.stage, row.state, row.version = stage, dict(state), row.version + 1


async def shadow_figures(engine: AsyncEngine, org: str, base: str, since: float) -> dict[str, int]:
    """Return how many questions a candidate has seen in the shadow, and how many of those that the
    live version answered it would have given to another topic."""
    other = and_(_Q.band == "answer", _Q.shadow_topic != _Q.topic)
    wanted = select(func.count(), func.sum(case((other, 1), else_=0))).where(
        *_since(org, base, since), _Q.shadow_topic != ""
    )
    async with AsyncSession(engine) as session:
        n, disagreed = (await session.execute(wanted)).one()
    return {"n": int(n), "disagreed": int(disagreed or 0)}


async def trial_figures(
    engine: AsyncEngine, org: str, base: str, since: float, versions: tuple[int, int]
) -> dict[str, int]:
    """Return how many questions the candidate and the live version had, and how many failed: were
    not answered, were rated low, or led to a human.

    Args:
        versions: the candidate, the live one.
    """
    low = and_(_Q.rating > 0, _Q.rating <= LOW_RATING)
    failed = or_(low, _Q.handoff != "", _Q.band == "fallback")
    wanted = (
        select(_Q.published, func.count(), func.sum(case((failed, 1), else_=0)))
        .where(*_since(org, base, since), _Q.band != "", _Q.published.in_(versions))
        .group_by(_Q.published)
    )
    async with AsyncSession(engine) as session:
        found = {row[0]: (int(row[1]), int(row[2])) for row in await session.execute(wanted)}
    (n, bad), (live_n, live_bad) = (found.get(one, (0, 0)) for one in versions)
    return {"n": n, "failed": bad, "live_n": live_n, "live_failed": live_bad}


def _since(org: str, base: str, since: float) -> list[Any]:
    return [_Q.org == org, _Q.base == base, _Q.at_ms >= int(since * 1000)]
