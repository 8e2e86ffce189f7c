"""The learning loop's own hands: trains what is queued, and moves automatic roll-outs on or back.

Every gateway runs one; the claim in the database lets one of them train. A gateway that dies over a
training leaves a claim that another takes over later (`bot.rollout.CLAIM_S`).
"""

from __future__ import annotations

import asyncio
import time
import zlib

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from actors.cancelling import raise_if_cancelled
from bot import rollout as r
from bot.checking import Problem
from infra.directory.audit import By
from infra.directory.refusals import RefusedError
from infra.directory.store import Directory
from infra.knowledge import tables as t
from infra.knowledge.inbox import read_held
from infra.knowledge.rollouts import all_active, shadow_figures, trial_figures
from infra.knowledge.rows import KnowledgeReader
from infra.knowledge.writer import KnowledgeWriter
from serve.knowledge import jobs as j
from serve.knowledge.rolling import Roller, read_state
from serve.knowledge.workshop import JobRefusedError, Workshop, WorkshopError

CHECK_S = 2.0
BY = By(subject="(learning)", role="system")

log = structlog.get_logger()


class Learning:
    """Looks after the roll-outs of every organisation."""

    def __init__(
        self, directory: Directory, workshop: Workshop, name: str, check_s: float = CHECK_S
    ) -> None:
        self._directory = directory
        self._workshop = workshop
        self._name = name
        self._check_s = check_s

    async def run(self) -> None:
        """Look after them until cancelled; a store that fails is tried again."""
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("learning.failed", error=str(error))
            raise_if_cancelled()
            await asyncio.sleep(self._check_s)

    async def look(self) -> None:
        """Do once what is to be done for each roll-out that is under way."""
        for row in await all_active(self._directory.engine):
            state = read_state(row)
            try:
                if state.stage in ("queued", "training"):
                    await self._train(row, state)
                else:
                    await self._judge(row, state)
            except RefusedError as error:  # somebody was faster, or the base is gone
                log.info("learning.passed_over", org=row.org, base=row.base, why=str(error))

    async def _train(self, row: t.KnowledgeRollout, state: r.Rollout) -> None:
        claim = r.Claim(self._name)
        if isinstance(r.step(state, claim, time.time()), r.NotNow):
            return
        await self._move(row, claim)
        log.info("learning.trains", org=row.org, base=row.base, rollout=row.number)
        reader = KnowledgeReader(self._directory.engine)
        draft = await reader.draft(row.org, row.base)
        body = await asyncio.to_thread(lambda: msgspec.json.encode(draft.content()))
        live = b""
        if draft.row.live:
            version = await reader.version(row.org, row.base, draft.row.live)
            live = zlib.decompress(version.body)
        try:
            gate = await self._examine(row, body, live)
        except (WorkshopError, JobRefusedError) as error:
            await self._move(row, r.Fail(str(error)))
            return
        await self._finish(row, gate, body, len(draft.topics))

    async def _examine(self, row: t.KnowledgeRollout, body: bytes, live: bytes) -> r.Gate:
        now = time.time()
        found = await self._workshop.ask(j.CheckBase(body=body, now=now), j.Problems)
        errors = [one for one in found.problems if one.severity == "error"]
        if errors:
            return r.Gate(reasons=_told(errors))
        held = await read_held(self._directory.engine, row.org, row.base)
        job = j.TrainBase(draft=body, live=live, reviewed=held, now=now)
        return (await self._workshop.ask(job, j.Trained)).gate

    async def _finish(
        self, row: t.KnowledgeRollout, gate: r.Gate, body: bytes, topics_n: int
    ) -> None:
        async with self._directory.writing(row.org, BY) as writer:
            knowledge = KnowledgeWriter(writer)
            base = await knowledge.base(row.base)
            number = 0
            if gate.passed:
                note = f"roll-out {row.number}"
                version = await knowledge.publish(base, body, topics_n=topics_n, note=note)
                number = version.number
            done = r.Finish(gate, number, base.live)
            await Roller(writer, base).move(row.number, done)

    async def _judge(self, row: t.KnowledgeRollout, state: r.Rollout) -> None:
        engine, mine = self._directory.engine, (row.org, row.base, state.since)
        if state.stage == "shadow":
            seen = await shadow_figures(engine, *mine)
        else:
            seen = await trial_figures(engine, *mine, (state.version, state.was_live))
        command = r.judge(state, r.Figures(**seen))
        if command is not None:
            await self._move(row, command)

    async def _move(self, row: t.KnowledgeRollout, command: r.Command) -> None:
        async with self._directory.writing(row.org, BY) as writer:
            base = await KnowledgeWriter(writer).base(row.base)
            await Roller(writer, base).move(row.number, command)


def _told(errors: list[Problem]) -> list[str]:
    return [f"{one.code} {one.topic}: {one.detail}" for one in errors[:10]]
