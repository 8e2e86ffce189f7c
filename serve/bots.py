"""Runs bots: each is an agent of kind `bot` that connects like any other program.

A bot keeps nothing that matters: see `serve.bot_talk`. Its understanding runs elsewhere and is
asked with a deadline; an answer that comes too late for the session is dropped. While no bot is
connected its sessions wait, and go back to the queue after the grace period (M8).
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from actors.frames import (
    Ack,
    AgentFrame,
    Detached,
    Event,
    Message,
    OpenOffer,
    Position,
    SessionFrame,
)
from actors.links import is_safe_url
from actors.ports import Metrics
from bot.acts import HandOff, Reply, Say, TakeMessage
from bot.conversation import BUTTONS_N, Ways
from bot.handoff import rules_of
from bot.outcomes import OutcomeSink
from bot.texts import Texts
from serve import wire
from serve.bot_line import BotLine, ModelLateError
from serve.bot_outcomes import OutcomeNotes
from serve.bot_ports import Answered, HelloAsked, HelloTold, Question
from serve.bot_talk import Ask, Deed, Hello, Talk
from serve.bot_writer import Writer
from serve.client import (
    AgentClient,
    Backoff,
    ClientEvent,
    CommandFailed,
    CommandRefused,
    ConnectionRefused,
    Options,
    TokenSource,
)

log = structlog.get_logger()

PLACE_AFTER_S = 3.0
"""Somebody may accept at once: only who waits this long is told the place in the line."""
KEPT_N = 1_000
"""Sessions handed off that may come back."""
SHORT_CHARS, URL_CHARS = 500, 2_000
"""Of a title or a button, and of a link (`serve.wire.WireBody`)."""
_STABLE_S = 60.0
_OVER = frozenset({"not_your_session", "session_closed", "unknown_session", "wrong_state"})
"""Refusals of a hand-off that mean that the bot has nothing more to say there."""


@dataclass(frozen=True, kw_only=True)
class BotParts:
    """What every bot of a process shares."""

    line: BotLine
    metrics: Metrics
    outcomes: OutcomeSink | None = None
    writer: Writer | None = None
    """A language model for the questions that the base alone does not answer."""
    options: Options | None = None
    place_after_s: float = PLACE_AFTER_S


@dataclass(frozen=True, slots=True)
class BotPlace:
    """Where one bot works, and the queue that a customer who needs a person goes to."""

    url: str
    token: TokenSource
    human_queue: str


class Bot:
    """One bot agent: connects, accepts what it is offered, answers, and hands off."""

    def __init__(self, place: BotPlace, parts: BotParts) -> None:
        self._place = place
        self._parts = parts
        self._client = AgentClient(place.url, place.token, options=parts.options, device="bot")
        self._talks: dict[str, Talk] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._places: dict[str, Position] = {}
        self._notes = OutcomeNotes("", parts.outcomes, parts.metrics)
        self._org = self._me = ""

    async def run(self, connect_timeout_s: float = 60.0) -> None:
        """Serve until cancelled.

        Raises:
            ConnectionRefused, TimeoutError: as `AgentClient.connect`.
        """
        try:
            welcome = await self._client.connect(connect_timeout_s)
            self._me, self._org = welcome.you.id, welcome.org
            self._notes = OutcomeNotes(welcome.org, self._parts.outcomes, self._parts.metrics)
            log.info("bot.connected", org=welcome.org, agent=self._me)
            async for event in self._client.events():
                self._take_safely(event)
        finally:
            for task in self._asking.values():
                task.cancel()
            await self._client.close()

    def _take_safely(self, event: ClientEvent) -> None:
        """A defect costs one session one frame, not all sessions their bot."""
        try:
            self._take(event)
        except Exception:
            log.exception("bot.defect", session=getattr(event, "session", ""))

    def _take(self, event: ClientEvent) -> None:
        match event:
            case SessionFrame():
                self._talk(event.session).snapshot(event)
                self._advance(event.session)
            case Message():
                talk = self._talk(event.session)
                waited_for = talk.waits_for
                talk.message(event)
                if talk.waits_for is not waited_for:
                    self._stop_asking(event.session)
                self._advance(event.session)
            case Event():
                talk = self._talk(event.session)
                talk.event(event)
                if not talk.serving:
                    self._stop_asking(event.session)
                if event.kind == "closed":
                    self._notes.ended(talk, event.at)
                self._advance(event.session)
            case Position():
                self._note_place(event)
            case OpenOffer(auto=False):
                self._send(self._client.accept(event.offer), "accept", event.session)
            case AgentFrame(status="missed" | "offline" | "break"):
                self._send(self._client.set_status("available"), "status", "")
            case Detached():
                self._detached(event.session)
            case _:
                pass

    def _talk(self, session: str) -> Talk:
        return self._talks.setdefault(session, Talk(self._me, session))

    def _detached(self, session: str) -> None:
        """Keep only that it was handed off: it may come back when nobody takes it."""
        self._stop_asking(session)
        self._places.pop(session, None)
        talk = self._talks.pop(session, None)
        if talk is None:
            return
        self._notes.left(talk)
        if talk.talked.waiting and not talk.human:
            self._talks[session] = talk
            away = [one for one, kept in self._talks.items() if not kept.serving]
            for old in away[:-KEPT_N]:
                del self._talks[old]

    # --- asking ----------------------------------------------------------------------------

    def _advance(self, session: str) -> None:
        """Do and ask whatever the talk has to do now."""
        talk = self._talk(session)
        while self._go_on(talk):
            pass

    def _go_on(self, talk: Talk) -> bool:
        """Take one step; tell whether there may be more. After a defect the next frame's turn has
        come, if the one that failed is gone."""
        waiting_n = len(talk.todo)
        try:
            step = talk.step()
            if step is not None:
                self._take_step(talk, step)
        except Exception:
            log.exception("bot.defect", session=talk.session)
            return len(talk.todo) < waiting_n
        return step is not None

    def _take_step(self, talk: Talk, step: Sequence[Deed] | Hello | Ask) -> None:
        match step:
            case Hello() | Ask():
                self._ask(talk, step)
            case _:
                for deed in step:
                    self._do(talk.session, deed)

    def _ask(self, talk: Talk, step: Hello | Ask) -> None:
        session = talk.session
        task = asyncio.create_task(self._answer(talk, step), name=f"bot.asks.{session}")
        self._asking[session] = task
        task.add_done_callback(functools.partial(self._asked, session))

    async def _answer(self, talk: Talk, step: Hello | Ask) -> None:
        """Ask and answer. Whatever goes wrong, the customer is not left without a word."""
        try:
            if isinstance(step, Hello):
                await self._hello(talk, step)
            else:
                await self._question(talk, step)
        except Exception:
            log.exception("bot.defect", session=talk.session)
            if isinstance(step, Hello):
                talk.greeted(step, None, ())
            else:
                talk.answered(step, None)
            self._advance(talk.session)

    def _asked(self, session: str, task: asyncio.Task[None]) -> None:
        if self._asking.get(session) is task:
            del self._asking[session]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("bot.defect", session=session, error=repr(error))

    def _stop_asking(self, session: str) -> None:
        task = self._asking.pop(session, None)
        if task is not None:
            task.cancel()
            self._parts.metrics.add("bot_dropped_total", org=self._org)

    async def _hello(self, talk: Talk, hello: Hello) -> None:
        try:
            told = await self._parts.line.hello(HelloAsked(org=self._org, bot=self._me))
            ways = ways_of(told)
        except ModelLateError:
            told, ways = HelloTold(), None
        if talk.greeted(hello, ways, told.hot):
            self._advance(talk.session)

    async def _question(self, talk: Talk, ask: Ask) -> None:
        writer = self._parts.writer
        question = Question(
            org=self._org,
            bot=self._me,
            session=talk.session,
            text=ask.text,
            grounds=writer is not None,
        )
        answered: Answered | None = None
        try:
            answered = await self._parts.line.answer(question)
        except ModelLateError as error:
            log.warning("bot.model_late", session=talk.session, error=str(error))
        if writer is None or answered is None or not await self._write(talk, ask, answered, writer):
            talk.answered(ask, None if answered is None else answered.found)
        if answered is not None:
            talk.base = answered.found.base
        self._notes.answered(talk, ask, answered)
        self._advance(talk.session)

    async def _write(self, talk: Talk, ask: Ask, answered: Answered, writer: Writer) -> bool:
        """Let the language model try, where it may; tell whether it has answered."""
        found = answered.found
        if found.band == "answer" or not found.grounds or talk.talked.leaving:
            return False
        written = await writer.write(
            self._org,
            ask.asked,
            found.grounds,
            talk.talked.lang,
            lambda text: self._client.typing(talk.session, text),
        )
        return written is not None and talk.written(ask, written.text, written.sources)

    def _note_place(self, frame: Position) -> None:
        if frame.session not in self._talks:
            return
        first = frame.session not in self._places
        self._places[frame.session] = frame
        if first:
            loop = asyncio.get_running_loop()
            loop.call_later(self._parts.place_after_s, self._tell_place, frame.session)

    def _tell_place(self, session: str) -> None:
        frame, talk = self._places.pop(session, None), self._talks.get(session)
        if frame is not None and talk is not None:
            talk.place(frame)
            self._advance(session)

    # --- doing -----------------------------------------------------------------------------

    def _do(self, session: str, deed: Deed) -> None:
        client = self._client
        match deed.act:
            case Say(reply=reply):
                said = client.say(session, body_of(reply), client_id=deed.client_id)
                self._send(said, "say", session)
            case TakeMessage(note=note, text=text, reason=reason):
                kept = client.say(
                    session,
                    note[: wire.TEXT_LIMIT],
                    aside=True,
                    left=wire.LeftWire(queue=self._place.human_queue, reason=reason, text=text),
                    client_id=deed.client_id,
                )
                self._send(kept, "message", session)
            case HandOff(reason=reason, note=note, stay=stay):
                log.info("bot.hands_off", session=session, reason=reason)
                self._parts.metrics.add("bot_handoffs_total", 1.0, reason, self._org)
                moved = client.transfer(
                    session,
                    queue=self._place.human_queue,
                    note=note,
                    stay=stay,
                    client_id=deed.client_id,
                )
                moved.add_done_callback(
                    functools.partial(self._hand_off_answered, session, deed.client_id)
                )

    def _hand_off_answered(self, session: str, client_id: str, future: asyncio.Future[Ack]) -> None:
        error = self._failure_of(future, "transfer", session)
        code = error.code if isinstance(error, CommandRefused) else "refused"
        if error is not None and code not in _OVER and session in self._talks:
            self._talks[session].hand_off_refused(client_id, code)
            self._advance(session)

    def _send(self, future: asyncio.Future[Ack], what: str, session: str) -> None:
        future.add_done_callback(lambda done: self._failure_of(done, what, session))

    def _failure_of(
        self, future: asyncio.Future[Ack], what: str, session: str
    ) -> CommandFailed | None:
        error = None if future.cancelled() else future.exception()
        if not isinstance(error, CommandFailed):
            return None
        log.warning("bot.refused", session=session, command=what, error=str(error))
        return error


def ways_of(told: HelloTold) -> Ways | None:
    """Return the ways that the base's editors chose; None, and a log, for wrong ones."""
    try:
        return Ways(rules_of(told.handoff), Texts(told.texts))
    except ValueError as error:
        log.warning("bot.wrong_rules", error=str(error))
        return None


def body_of(reply: Reply) -> wire.WireBody:
    """Return the reply as it goes on the wire, within its limits: of whatever a base holds, what
    can be shown."""
    text, title = _cut(reply.text, wire.TEXT_LIMIT), _cut(reply.title, SHORT_CHARS)
    url = reply.url if len(reply.url) <= URL_CHARS and is_safe_url(reply.url) else ""
    buttons = [_cut(button, SHORT_CHARS) for button in reply.buttons[:BUTTONS_N]]
    if reply.kind == "image" and url:
        return wire.WireBody(kind="image", text=text, url=url)
    if (title.strip() or text.strip()) and (title or url or buttons):
        return wire.WireBody(kind="card", text=text, title=title, url=url, buttons=buttons)
    return wire.WireBody(kind="text", text=text if text.strip() else url or "…")


def _cut(text: str, most: int) -> str:
    return text.replace("\0", "")[:most]


async def run_bots(places: Sequence[BotPlace], parts: BotParts) -> None:
    """Keep every bot running until cancelled. One that fails is started again after a back-off and
    harms neither the others nor its sessions."""
    async with asyncio.TaskGroup() as group:
        for place in places:
            group.create_task(_keep(place, parts))


async def _keep(place: BotPlace, parts: BotParts) -> None:
    backoff, attempt = Backoff(0.5, 15.0), 0
    clock = asyncio.get_running_loop().time
    while True:
        started_at = clock()
        try:
            await Bot(place, parts).run()
        except (ConnectionRefused, TimeoutError) as error:
            log.warning("bot.cannot_connect", error=str(error))
        except Exception:
            log.exception("bot.failed")
        attempt = 0 if clock() - started_at > _STABLE_S else attempt + 1
        await asyncio.sleep(backoff.delay_s(attempt, random.random()))
