"""Applies the steps of a roll-out to the base: which version is live, which is on trial."""

from __future__ import annotations

from typing import Any

import msgspec

from bot import rollout as r
from infra.directory import audit
from infra.directory.refusals import RefusedError
from infra.directory.writer import Writer
from infra.knowledge import tables as t
from infra.knowledge.rollouts import active_rollouts, add_rollout, find_rollout, write_state
from infra.knowledge.writer import RESOURCE, KnowledgeWriter


def read_state(row: t.KnowledgeRollout) -> r.Rollout:
    """Return the machine's state."""
    return msgspec.convert(row.state, type=r.Rollout)


def _builtins(state: r.Rollout) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(state)
    return found


class Roller:
    """Moves the roll-outs of one base inside one transaction of the directory."""

    def __init__(self, writer: Writer, row: t.KnowledgeBase) -> None:
        self._writer = writer
        self._knowledge = KnowledgeWriter(writer)
        self._row = row

    async def begin(self, *, note: str, automatic: bool) -> t.KnowledgeRollout:
        """Queue a new one; it replaces those that are under way."""
        await self.end_others("another version is trained")
        state = r.begin(
            self._writer.now, by=self._writer.by.subject, note=note, automatic=automatic
        )
        made = await add_rollout(
            self._writer.session, self._writer.org, self._row.id, state.stage, _builtins(state)
        )
        self._audit(made.number, state)
        return made

    async def move(self, number: int, command: r.Command) -> t.KnowledgeRollout:
        """Let a command happen to a roll-out.

        Raises:
            RefusedError: `not_found`; `stale`: it does not fit where the roll-out is.
        """
        found = await find_rollout(self._writer.session, self._writer.org, self._row.id, number)
        before = read_state(found)
        after = r.step(before, command, self._writer.now)
        if isinstance(after, r.NotNow):
            raise RefusedError("stale", f"The roll-out cannot do this: {after.why}.")
        await self._apply(before, after)
        write_state(found, after.stage, _builtins(after))
        self._audit(number, after)
        return found

    async def end_others(self, why: str) -> None:
        """Roll back what is under way, because something else becomes live."""
        mine = (self._writer.org, self._row.id)
        for one in await active_rollouts(self._writer.session, *mine):
            await self.move(one.number, r.RollBack(by=self._writer.by.subject, why=why))

    async def _apply(self, before: r.Rollout, after: r.Rollout) -> None:
        row, knowledge = self._row, self._knowledge
        match after.stage:
            case "shadow" | "tenth":
                knowledge.set_candidate(row, after.version, after.stage)
            case "all":
                knowledge.set_live(row, after.version)
            case "rolled_back" if before.stage in ("shadow", "tenth"):
                if row.candidate == before.version:
                    knowledge.set_candidate(row, 0, "")
            case "rolled_back" if before.stage == "all" and row.live == before.version:
                # A trial beside the version that goes would go back to it one day.
                await self.end_others("an earlier version is live again")
                knowledge.set_live(row, before.was_live)
            case _:
                pass

    def _audit(self, number: int, state: r.Rollout) -> None:
        last = state.steps[-1]
        told = {"stage": last.stage, "version": state.version, "why": last.why}
        where = f"{self._row.id} (roll-out {number})"
        self._writer.act(audit.Act(action="roll-out", resource=RESOURCE, row=where, after=told))
