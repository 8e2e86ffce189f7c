"""Runs scripted bots: each is an agent of kind `bot` that connects like any other program.

A bot keeps nothing that matters. What it does is named after the frame it answers (`client_id`), so
a bot that died and reads a session again repeats the same commands, and the session does each
once (M2). While no bot is connected its sessions wait, and go back to the queue after the grace
period (M8).
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from actors.frames import Ack, AgentFrame, Detached, Event, Message, OpenOffer, SessionFrame
from bot.scripted import Answer, BotAct, BotState, HandOff, greet, language_of, reply, stay
from serve.client import (
    AgentClient,
    Backoff,
    ClientEvent,
    CommandFailed,
    ConnectionRefused,
    Options,
    TokenSource,
)

log = structlog.get_logger()

_LEAVES = frozenset({"agent_lost", "closed", "wrap_up", "transferred", "taken_over"})
_TAKES = frozenset({"assigned", "transferred", "taken_over"})

_STABLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Deed:
    """One act under the id that makes it happen once."""

    client_id: str
    act: BotAct


@dataclass(slots=True)
class Talk:
    """One session as the bot reads it, frame by frame; pure. Deeds are held back until the missed
    frames are read, since a later one may show that they were done, or are not wanted."""

    me: str
    serving: bool = False
    caught_up_at: int = 0
    state: BotState = field(default_factory=BotState)
    unanswered: list[Message] = field(default_factory=list)
    plan: list[Deed] = field(default_factory=list)

    def snapshot(self, frame: SessionFrame) -> None:
        """Frames up to `frame.seq` are the past."""
        self.caught_up_at = frame.seq

    def message(self, frame: Message) -> None:
        """Plan an answer to a customer; anyone else's words make one needless."""
        if frame.aside or frame.recalled:
            return
        if frame.from_.id == self.me:
            self.plan = [deed for deed in self.plan if deed.client_id != frame.client_id]
        elif frame.from_.role != "customer":
            self.unanswered.clear()
        elif self.serving:
            self._answer(frame)
        else:
            self.unanswered.append(frame)

    def event(self, frame: Event) -> None:
        """Begin or end serving, as the event says."""
        if frame.aside:
            return
        if frame.kind in _TAKES and frame.agent == self.me:
            if not self.serving:
                self._begin(frame)
        elif frame.kind in _LEAVES or frame.kind == "assigned":
            self.serving = False
            self.plan.clear()
            if frame.kind == "assigned":  # a person took it: what comes back is a new talk
                self.state = BotState(lang=self.state.lang)

    def take_plan(self, seq: int) -> list[Deed]:
        """Return what to do now that everything up to `seq` is read, and forget it."""
        if not self.serving or seq < self.caught_up_at:
            return []
        due, self.plan = self.plan, []
        return due

    def hand_off_refused(self, client_id: str) -> None:
        """Plan to go on serving."""
        if self.serving:
            self.state, acts = stay(self.state)
            self._add(f"{client_id}-stay", acts)

    def _begin(self, frame: Event) -> None:
        self.serving = True
        if self.state.handed_off:  # nobody took it, and it came back
            self.state, acts = stay(self.state)
        else:
            texts = [message.body.text for message in self.unanswered if message.body]
            self.state, acts = greet(language_of(" ".join(texts), "zh"))
        self._add(named_after(frame), acts)
        for message in self.unanswered:
            self._answer(message)
        self.unanswered.clear()

    def _answer(self, message: Message) -> None:
        text = message.body.text if message.body else ""
        self.state, acts = reply(self.state, text)
        self._add(named_after(message), acts)

    def _add(self, name: str, acts: Sequence[BotAct]) -> None:
        self.plan += [Deed(f"{name}-{index}", act) for index, act in enumerate(acts)]


def named_after(frame: Message | Event) -> str:
    """Return the beginning of the ids of whatever answers the frame; the bot's one device may have
    such a command under way in every one of its sessions."""
    return f"bot-{frame.session}-{frame.seq}"


class ScriptedBot:
    """One bot agent: connects, accepts what it is offered, answers, and hands off.

    Args:
        url, token, proxy: as for `AgentClient`.
        human_queue: where a customer who needs a person goes.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource,
        *,
        human_queue: str,
        options: Options | None = None,
    ) -> None:
        self._human_queue = human_queue
        self._client = AgentClient(url, token, options=options, device="bot")
        self._talks: dict[str, Talk] = {}
        self._me = ""

    async def run(self, connect_timeout_s: float = 60.0) -> None:
        """Serve until cancelled.

        Raises:
            ConnectionRefused, TimeoutError: as `AgentClient.connect`.
        """
        try:
            welcome = await self._client.connect(connect_timeout_s)
            self._me = welcome.you.id
            log.info("bot.connected", org=welcome.org, agent=self._me)
            async for event in self._client.events():
                self._take(event)
        finally:
            await self._client.close()

    def _take(self, event: ClientEvent) -> None:
        match event:
            case SessionFrame():
                self._talk(event.session).snapshot(event)
                self._act(event.session, event.from_seq)
            case Message():
                self._talk(event.session).message(event)
                self._act(event.session, 0 if event.aside else event.seq)
            case Event():
                self._talk(event.session).event(event)
                self._act(event.session, 0 if event.aside else event.seq)
            case OpenOffer(auto=False):
                self._send(self._client.accept(event.offer), "accept", event.session)
            case AgentFrame(status="missed" | "offline" | "break"):
                self._send(self._client.set_status("available"), "status", "")
            case Detached():
                self._detached(event.session)
            case _:
                pass

    def _talk(self, session: str) -> Talk:
        return self._talks.setdefault(session, Talk(self._me))

    def _detached(self, session: str) -> None:
        """Keep only that it was handed off: it may come back when nobody takes it."""
        talk = self._talks.pop(session, None)
        if talk is not None and talk.state.handed_off:
            self._talks[session] = talk
            talk.serving = False
            talk.plan.clear()
            self._forget_old()

    def _forget_old(self) -> None:
        away = [session for session, talk in self._talks.items() if not talk.serving]
        for session in away[:-1000]:
            del self._talks[session]

    def _act(self, session: str, seq: int) -> None:
        for deed in self._talk(session).take_plan(seq):
            match deed.act:
                case Answer(text=text):
                    said = self._client.say(session, text, client_id=deed.client_id)
                    self._send(said, "say", session)
                case HandOff(note=note):
                    log.info("bot.hands_off", session=session, reason=deed.act.reason)
                    moved = self._client.transfer(
                        session, queue=self._human_queue, note=note, client_id=deed.client_id
                    )
                    moved.add_done_callback(
                        functools.partial(self._hand_off_answered, session, deed.client_id)
                    )

    def _hand_off_answered(self, session: str, client_id: str, future: asyncio.Future[Ack]) -> None:
        if self._failure_of(future, "transfer", session) and session in self._talks:
            talk = self._talks[session]
            talk.hand_off_refused(client_id)
            self._act(session, talk.caught_up_at)

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


@dataclass(frozen=True, slots=True)
class BotPlace:
    """Where one bot works."""

    url: str
    token: TokenSource
    human_queue: str


async def run_bots(places: Sequence[BotPlace], options: Options | None = None) -> None:
    """Keep every bot running until cancelled. One that fails is started again after a back-off and
    harms neither the others nor its sessions."""
    async with asyncio.TaskGroup() as group:
        for place in places:
            group.create_task(_keep(place, options))


async def _keep(place: BotPlace, options: Options | None) -> None:
    backoff, attempt = Backoff(0.5, 15.0), 0
    clock = asyncio.get_running_loop().time
    while True:
        started_at = clock()
        bot = ScriptedBot(place.url, place.token, human_queue=place.human_queue, options=options)
        try:
            await bot.run()
        except (ConnectionRefused, TimeoutError) as error:
            log.warning("bot.cannot_connect", error=str(error))
        except Exception:
            log.exception("bot.failed")
        attempt = 0 if clock() - started_at > _STABLE_S else attempt + 1
        await asyncio.sleep(backoff.delay_s(attempt, random.random()))
