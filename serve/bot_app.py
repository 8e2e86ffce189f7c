"""Every organisation's bots, following the settings: which bots there are, and where they work."""

from __future__ import annotations

import asyncio
import time

import structlog

from actors.config import OrgConfig
from actors.ports import ConfigSource
from serve.bots import BotParts, BotPlace, run_bots
from serve.client import TokenSource
from serve.identity import Identity
from serve.tokens import Tokens

log = structlog.get_logger()

Place = tuple[str, str, str, str]
"""Organisation, bot, the bot's name, queue for people."""


class BotApp:
    """Runs the bots of all organisations through the front door, as any integration would.

    Args:
        url: the gateway's WebSocket.
        tokens: signs the bots' access tokens.
        configs: tells of every organisation and change.
        parts: what the bots share.
    """

    def __init__(self, url: str, tokens: Tokens, configs: ConfigSource, parts: BotParts) -> None:
        self._url = url
        self._tokens = tokens
        self._configs = configs
        self._parts = parts
        self._wanted: dict[str, list[Place]] = {}
        self._running: dict[str, tuple[list[Place], asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep the bots in step with the settings until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._configs.watch(self._note))
            group.create_task(self._follow(group))

    def _note(self, config: OrgConfig) -> None:
        self._wanted[config.org] = places_of(config)
        self._changed.set()

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            for org, places in self._wanted.items():
                before, task = self._running.get(org, ([], None))
                if places == before:
                    continue
                if task is not None:
                    task.cancel()
                log.info("bots.placed", org=org, bots=len(places))
                bots = [BotPlace(self._url, self._token(place), place[3]) for place in places]
                self._running[org] = (places, group.create_task(run_bots(bots, self._parts)))

    def _token(self, place: Place) -> TokenSource:
        org, bot, name, _ = place
        who = Identity(org=org, subject=bot, role="agent", name=name, kind="bot")

        async def fresh() -> str:
            return self._tokens.issue_access(who, time.time())

        return fresh


def places_of(config: OrgConfig) -> list[Place]:
    """Return where an organisation's bots work; they hand off to the queue that the entry queue
    overflows to, else to the first queue for people."""
    entry = config.queues.get(config.entry_queue)
    people = [queue.id for queue in config.queues.values() if queue.kind == "human"]
    target = (entry.overflow_to if entry is not None else None) or next(iter(people), "")
    bots = [agent for agent in config.agents.values() if agent.kind == "bot" and agent.enabled]
    return [(config.org, bot.id, bot.name, target) for bot in bots if target]
