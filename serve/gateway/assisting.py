"""Suggestions beside the conversation: to agents for a customer's last message, to customers while
they type. They come from the bot's model and are never in a message's way: the gateway's path only
notes that there is something to suggest; one task asks for everything that was noted, one call at a
time, and whatever is overtaken or late by then is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog

from actors.frames import Assist, Message, SoftFrame, Suggested, SuggestedTopic, encode_frame
from actors.ports import Metrics
from bot.outcomes import OutcomeSink, QuestionOutcome
from serve.bot_line import BotLine, ModelLateError
from serve.bot_ports import AssistAsked, TypedAsked
from serve.gateway.connection import Connection

log = structlog.get_logger()

MESSAGE = b'{"t":"message"'
LATE_S = 1.0
"""A suggestion older than this is about the past."""
NOTED_N = 500
"""Sessions that may wait for suggestions at once; more are dropped."""
BATCH_N = 50
QUIET_S = 30.0
"""An organisation without a knowledge base is not asked about again for this long."""
AWAY_S = 1.0
"""A model that did not answer is left alone for this long."""
TYPED_CHARS = 200

_decoder = msgspec.json.Decoder(Message)


@dataclass(frozen=True, slots=True)
class Noted:
    """A customer's message as an agent's socket was sent it."""

    connection: Connection
    data: bytes
    at: float


class Assisting:
    """One gateway's suggestions. Soft: what is lost is not said again.

    Args:
        line: the way to the bot's model.
        outcomes: hears which suggestions agents used.
    """

    def __init__(
        self,
        line: BotLine,
        metrics: Metrics,
        outcomes: OutcomeSink | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = line
        self._metrics = metrics
        self._outcomes = outcomes
        self._clock = clock
        self._noted: dict[tuple[int, str], Noted] = {}
        self._typed: dict[Connection, str] = {}
        self._quiet: dict[str, float] = {}
        """Organisation -> until when nothing is asked for it."""
        self._news = asyncio.Event()

    # --- the gateway's side: returns at once -------------------------------------------------

    def saw(self, connection: Connection, session: str, data: bytes) -> None:
        """A staff socket is sent a frame: a message to a human agent replaces the one before it."""
        if not data.startswith(MESSAGE) or connection.person.kind != "human":
            return
        org = connection.identity.org
        if self._is_quiet(org) or session not in connection.wanted:
            return
        key = (connection.number, session)
        if len(self._noted) < NOTED_N or key in self._noted:
            self._noted[key] = Noted(connection, data, self._clock())
            self._news.set()
        else:
            self._metrics.add("assist_total", 1.0, "dropped", org)

    def typed(self, connection: Connection, text: str) -> None:
        """A customer is typing: the newest text counts."""
        org = connection.identity.org
        if not self._is_quiet(org) and (len(self._typed) < NOTED_N or connection in self._typed):
            self._typed[connection] = text[:TYPED_CHARS]
            self._news.set()

    def used(self, connection: Connection, session: str, seq: int, topic: str) -> None:
        """An agent has sent what was suggested: the learning loop hears of it, if the session is
        one that the agent is in."""
        if session not in connection.attached:
            return
        org = connection.identity.org
        self._metrics.add("assist_total", 1.0, "used", org)
        outcome = QuestionOutcome(org=org, id=f"{session}:{seq}", used=topic)
        if self._outcomes is not None and not self._outcomes.put(outcome):
            self._metrics.add("outcomes_dropped_total", org=org)

    # --- the task's side ---------------------------------------------------------------------

    async def run(self) -> None:
        """Ask for what was noted until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._noted or self._typed:
                await self._assist()
                await self._type_ahead()

    async def _assist(self) -> None:
        batch: list[tuple[Noted, Message]] = []
        for key in list(self._noted)[:BATCH_N]:
            noted = self._noted.pop(key)
            message = _decoder.decode(noted.data)
            if message.from_.role == "customer" and message.body and message.body.text:
                batch.append((noted, message))
        if not batch:
            return
        questions = tuple(
            (noted.connection.identity.org, message.body.text if message.body else "")
            for noted, message in batch
        )
        try:
            told = await self._line.assist(AssistAsked(questions=questions))
        except ModelLateError:
            for org, _ in questions:
                self._metrics.add("assist_total", 1.0, "late", org)
                self._quiet[org] = self._clock() + AWAY_S
            return
        for org in told.strangers:
            self._quiet[org] = self._clock() + QUIET_S
        for (noted, message), topics in zip(batch, told.topics, strict=True):
            if topics:
                frame = Assist(session=message.session, seq=message.seq, topics=list(topics))
                self._show(noted, frame)

    def _show(self, noted: Noted, frame: Assist) -> None:
        """Show it, unless the conversation has moved on."""
        took, org = self._clock() - noted.at, noted.connection.identity.org
        key = (noted.connection.number, frame.session)
        if took > LATE_S or key in self._noted or frame.session not in noted.connection.attached:
            self._metrics.add("assist_total", 1.0, "late", org)
            return
        self._metrics.add("assist_seconds", took, org=org)
        self._metrics.add("assist_total", 1.0, "shown", org)
        _push(noted.connection, frame)

    async def _type_ahead(self) -> None:
        if not self._typed:
            return
        connection = next(iter(self._typed))
        text = self._typed.pop(connection)
        try:
            told = await self._line.typed(TypedAsked(org=connection.identity.org, text=text))
        except ModelLateError:
            self._quiet[connection.identity.org] = self._clock() + AWAY_S
            return
        if not told.known:
            self._quiet[connection.identity.org] = self._clock() + QUIET_S
        elif connection not in self._typed:
            topics = [SuggestedTopic(topic=s.topic, question=s.question) for s in told.suggestions]
            _push(connection, Suggested(text=text, topics=topics))

    def _is_quiet(self, org: str) -> bool:
        return self._quiet.get(org, 0.0) > self._clock()


def _push(connection: Connection, frame: SoftFrame) -> None:
    """A reader that is too slow for its conversation gets no suggestions on top."""
    if connection.is_open:
        connection.push(encode_frame(frame))
