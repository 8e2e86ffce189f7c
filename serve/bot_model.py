"""The bot's understanding as a process of its own: every organisation's bases, each by version.

Versions are learned beside the answering (by whoever `learn` is) and swapped in whole: a question
is answered by the old version or by the new one, and none waits. Questions that come while others
are being answered form the next batch by themselves.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from actors.frames import AssistTopic
from bot.acts import Found, Ground
from bot.answering import Decision, Thresholds, Understanding
from bot.knowledge import Topic, Version
from bot.published import BaseSettings, Published
from serve.bot_ports import (
    Answered,
    AssistAsked,
    AssistTold,
    HelloAsked,
    HelloTold,
    Question,
    TypedAsked,
    TypedTold,
    encoded,
)

log = structlog.get_logger()

BATCH_N = 64
TYPED_N = 10
ASSIST_N = 3
GROUND_CHARS = 1_000
TENTH = 10
_BANDS = {"answer": 2, "clarify": 1, "fallback": 0}

Learn = Callable[[str, Version], Awaitable[Understanding]]
"""Learns an organisation's version, without holding up whoever waits for answers meanwhile; what
it returns is warm: its first question costs no more than the others."""


class Served(msgspec.Struct, frozen=True):
    """One base as it answers now."""

    base: str
    settings: BaseSettings
    live: Understanding
    trial: Understanding | None = None
    stage: str = ""

    def of(self, session: str) -> Understanding:
        """Return the version that answers this session: a trial as a tenth gets every tenth, and
        every trial another tenth."""
        if self.trial is not None and self.stage == "tenth":
            drawn = f"{self.base} {self.trial.version} {session}".encode()
            number = int.from_bytes(hashlib.blake2b(drawn, digest_size=8).digest(), "big")
            return self.trial if number % TENTH == 0 else self.live
        return self.live


class BotModel:
    """Answers for every organisation. Soft state only: the feed tells all of it again.

    Args:
        learn: see there.
        clock: seconds since 1970.
    """

    def __init__(self, learn: Learn, clock: Callable[[], float] = time.time) -> None:
        self._learn = learn
        self._clock = clock
        self._served: dict[str, dict[str, Served]] = {}
        """Organisation -> base -> what answers."""
        self._wanted: dict[tuple[str, str], int] = {}
        self._swaps: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(1, "answers")
        self._waiting: list[tuple[Question, asyncio.Future[Answered]]] = []
        self._answering = False

    # --- versions --------------------------------------------------------------------------

    def changed(self, new: Published) -> None:
        """A base was published, or its settings changed: learn what is new, then swap. Version 0:
        it was taken back."""
        name = (new.org, new.version.base.id)
        if new.version.number == 0:
            self._wanted.pop(name, None)
            self._served.get(new.org, {}).pop(name[1], None)
            return
        self._wanted[name] = new.generation
        task = asyncio.create_task(self._swap(name, new), name=f"learn.{name[1]}")
        self._swaps.add(task)
        task.add_done_callback(self._swaps.discard)

    @property
    def is_settled(self) -> bool:
        """Whether bases are answered from, and nothing is learned or read back just now."""
        return bool(self._served) and not self._swaps

    def versions(self, org: str) -> dict[str, int]:
        """Return base -> version that answers now."""
        return {one.base: one.live.version for one in self._bases(org, "")}

    async def _swap(self, name: tuple[str, str], new: Published) -> None:
        begun, before = self._clock(), self._served.get(name[0], {}).get(name[1])
        try:
            version = await self._understanding(name[0], new.version, before, new.settings)
        except Exception:
            log.exception("bot.not_learned", org=name[0], base=name[1])
            return
        trial, stage = await self._trial(name, new, before)
        if self._wanted.get(name) != new.generation:  # a newer one came meanwhile
            return
        served = Served(name[1], new.settings, version, trial, stage)
        self._served.setdefault(name[0], {})[name[1]] = served
        took = round(self._clock() - begun, 3)
        log.info("bot.version", org=name[0], base=name[1], version=version.version, took_s=took)

    async def _trial(
        self, name: tuple[str, str], new: Published, before: Served | None
    ) -> tuple[Understanding | None, str]:
        """Return the version on trial and its stage; one that cannot be learned is not tried."""
        if new.candidate is None:
            return None, ""
        try:
            found = await self._understanding(name[0], new.candidate.version, before, new.settings)
        except Exception:
            log.exception("bot.trial_not_learned", org=name[0], base=name[1])
            return None, ""
        return found, new.candidate.stage

    async def _understanding(
        self, org: str, stored: Version, before: Served | None, settings: BaseSettings
    ) -> Understanding:
        for known in (before.live, before.trial) if before is not None else ():
            if known is not None and known.version == stored.number:
                return _with_settings(known, settings)
        return _with_settings(await self._learn(org, stored), settings)

    # --- questions -------------------------------------------------------------------------

    async def answer(self, request: bytes) -> bytes:
        """Answer one `Question`."""
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((msgspec.msgpack.decode(request, type=Question), future))
        if not self._answering:
            self._answering = True
            task = asyncio.create_task(self._answer_all(), name="answers")
            self._work.add(task)
            task.add_done_callback(self._work.discard)
        return encoded(await future)

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_N], self._waiting[BATCH_N:]
                batch = [one for one in batch if not one[1].done()]  # whoever asked may be gone
                questions = [question for question, _ in batch]
                try:
                    told = await loop.run_in_executor(self._thread, self.answer_batch, questions)
                except Exception as error:
                    log.exception("bot.defect", questions=len(questions))
                    _end(batch, error)
                    continue
                for (_, future), one in zip(batch, told, strict=True):
                    if not future.done():
                        future.set_result(one)
        finally:
            self._answering = False

    def answer_batch(self, questions: Sequence[Question]) -> list[Answered]:
        """Answer many at once: those of one version together."""
        now = self._clock()
        told: list[Answered | None] = [None] * len(questions)
        asked: dict[int, tuple[Understanding, Served, list[int]]] = {}
        for at, question in enumerate(questions):
            for served in self._bases(question.org, question.bot):
                version = served.of(question.session)
                asked.setdefault(id(version), (version, served, []))[2].append(at)
        for version, served, places in asked.values():
            texts = [questions[at].text for at in places]
            decisions = version.answer_many(texts, now=now)
            shadows: Sequence[Decision | None] = [None] * len(texts)
            if served.trial is not None and served.stage == "shadow":
                shadows = served.trial.answer_many(texts, now=now)
            for at, decision, shadow in zip(places, decisions, shadows, strict=True):
                grounds = questions[at].grounds
                one = answered(served, version, decision, shadow, grounds=grounds)
                told[at] = _better(told[at], one)
        nothing = Answered(found=Found(band="fallback"))
        return [one if one is not None else nothing for one in told]

    async def hello(self, request: bytes) -> bytes:
        """Answer `HelloAsked`."""
        asked = msgspec.msgpack.decode(request, type=HelloAsked)
        bases = self._bases(asked.org, asked.bot)
        if not bases:
            return encoded(HelloTold())
        first, now = bases[0], self._clock()
        hot = [
            one for served in bases for one in served.live.hot(now=now, limit=served.settings.hot)
        ]
        settings = first.settings
        told = HelloTold(hot=tuple(hot), handoff=settings.handoff, texts=settings.texts)
        return encoded(told)

    async def typed(self, request: bytes) -> bytes:
        """Answer `TypedAsked`."""
        asked = msgspec.msgpack.decode(request, type=TypedAsked)
        bases, limit = self._bases(asked.org, ""), min(asked.limit, TYPED_N)
        now = self._clock()
        found = [
            one for served in bases for one in served.live.suggest(asked.text, now=now, limit=limit)
        ]
        return encoded(TypedTold(suggestions=tuple(found[:limit]), known=bool(bases)))

    async def assist(self, request: bytes) -> bytes:
        """Answer `AssistAsked`."""
        asked = msgspec.msgpack.decode(request, type=AssistAsked)
        loop = asyncio.get_running_loop()
        told = await loop.run_in_executor(self._thread, self.assist_batch, asked)
        return encoded(told)

    def assist_batch(self, asked: AssistAsked) -> AssistTold:
        """Find topics for agents: they also see answers meant for them alone."""
        now = self._clock()
        by_org: dict[str, list[int]] = {}
        for at, (org, _) in enumerate(asked.questions):
            by_org.setdefault(org, []).append(at)
        found: list[list[AssistTopic]] = [[] for _ in asked.questions]
        for org, places in by_org.items():
            texts = [asked.questions[at][1] for at in places]
            for served in self._bases(org, ""):
                decisions = served.live.answer_many(texts, now=now, audience="agent")
                for at, decision in zip(places, decisions, strict=True):
                    found[at] += _assist(served.live, decision)
        told = tuple(
            tuple(sorted(topics, key=lambda one: -one.confidence)[:ASSIST_N]) for topics in found
        )
        strangers = tuple(sorted(org for org in by_org if not self._bases(org, "")))
        return AssistTold(topics=told, strangers=strangers)

    def _bases(self, org: str, bot: str) -> list[Served]:
        """Return the bases that a bot answers from: those that name it, else those that name
        nobody; '' for bot: all."""
        found = [one for _, one in sorted(self._served.get(org, {}).items())]
        if not bot:
            return found
        mine = [one for one in found if bot in one.settings.bots]
        return mine or [one for one in found if not one.settings.bots]


def answered(
    served: Served,
    version: Understanding,
    decision: Decision,
    shadow: Decision | None = None,
    *,
    grounds: bool = False,
) -> Answered:
    """Return a decision with the texts to show."""
    topic = version.topic(decision.topic)
    shown = topic if decision.band == "answer" else None
    found = Found(
        band=decision.band,
        topic=decision.topic,
        question=topic.question if topic is not None else "",
        probability=decision.confidence,
        answers=shown.answers_for("customer") if shown is not None else (),
        suggestions=decision.suggestions[: served.settings.suggestions],
        related=decision.related[: served.settings.related],
        grounds=_grounds(version, decision) if grounds else (),
        base=served.base,
        version=version.version,
    )
    if shadow is None:
        return Answered(found=found)
    return Answered(found=found, shadow_topic=shadow.topic, shadow_probability=shadow.confidence)


def _with_settings(version: Understanding, settings: BaseSettings) -> Understanding:
    """Return the version with the bands that its editors chose, if they did."""
    own = version.thresholds
    wanted = Thresholds(
        answer=own.answer if settings.answer_at is None else settings.answer_at,
        clarify=own.clarify if settings.clarify_at is None else settings.clarify_at,
        known=own.known,
        target_precision=settings.target_precision,
    )
    return version if wanted == own else version.with_thresholds(wanted)


def _better(one: Answered | None, other: Answered) -> Answered:
    """Of two bases, the one that is surer counts."""
    if one is None:
        return other
    ranks = [(_BANDS[a.found.band], a.found.probability or 0.0) for a in (one, other)]
    return other if ranks[1] > ranks[0] else one


def _grounds(version: Understanding, decision: Decision) -> tuple[Ground, ...]:
    ids = dict.fromkeys([decision.topic, *(one.topic for one in decision.suggestions)])
    topics = [topic for one in ids if (topic := version.topic(one)) is not None]
    return tuple(
        Ground(topic.id, topic.question, text) for topic in topics if (text := _text(topic))
    )


def _text(topic: Topic) -> str:
    texts = [answer.text for answer in topic.answers_for("customer") if answer.text]
    return "\n".join(texts)[:GROUND_CHARS]


def _assist(version: Understanding, decision: Decision) -> list[AssistTopic]:
    """The best topic first, whatever the band: a person decides."""
    ids = {decision.topic: decision.confidence} if decision.topic else {}
    for one in decision.suggestions:
        ids.setdefault(one.topic, one.confidence)
    if decision.why == "stranger":
        return []
    found = []
    for topic_id, confidence in ids.items():
        topic = version.topic(topic_id)
        if topic is not None:
            inside = [a.text for a in topic.answers_for("agent") if a.text]
            found.append(
                AssistTopic(
                    topic=topic.id,
                    question=topic.question,
                    confidence=round(confidence, 4),
                    answer=_text(topic),
                    inside="\n".join(inside)[:GROUND_CHARS],
                )
            )
    return found


def _end(batch: Sequence[tuple[Question, asyncio.Future[Answered]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(RuntimeError(repr(error)))
