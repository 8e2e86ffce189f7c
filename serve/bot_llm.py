"""Writes answers with a language model: streamed, checked sentence by sentence, bounded in time and
cost. Whatever goes wrong there is no answer, and the bot says what it would have said without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx
import structlog

from actors.ports import Metrics
from bot.acts import Ground
from bot.decisions import Suggestion
from bot.llm import LlmError, stream_text
from bot.llm_check import judge, split
from bot.llm_guard import Breaker, Budget, Limits
from bot.llm_place import LlmPlace
from bot.llm_prompt import NO_ANSWER, PASSAGES_N, messages_for
from bot.texts import Lang
from serve.bot_writer import Written

log = structlog.get_logger()

DEADLINE_S = 8.0
SENTENCES_N = 4


class LlmWriter:
    """Implements `serve.bot_writer.Writer`.

    Args:
        deadline_s: for the whole answer; the sentences that are checked by then are shown.
    """

    def __init__(
        self,
        place: LlmPlace,
        metrics: Metrics,
        *,
        limits: Limits | None = None,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._metrics = metrics
        self._deadline_s = deadline_s
        self._clock = clock
        self._breaker = Breaker()
        self._budget = Budget(limits or Limits())
        # Redirects and the environment's proxies would take the key elsewhere.
        self._client = httpx.AsyncClient(
            timeout=deadline_s, follow_redirects=False, trust_env=False
        )

    async def write(
        self,
        org: str,
        question: str,
        grounds: Sequence[Ground],
        lang: Lang,
        show: Callable[[str], None],
    ) -> Written | None:
        """Return a checked answer, None for none; see `Writer`."""
        now, grounds = self._clock(), grounds[:PASSAGES_N]
        if not self._breaker.allows(now):
            self._metrics.add("llm_total", 1.0, "broken", org)
            return None
        if not self._budget.allows(org, now):
            self._breaker.given_up()
            self._metrics.add("llm_total", 1.0, "budget", org)
            return None
        draft = _Draft(grounds, show)
        messages = messages_for(question, grounds, lang)
        outcome = "written"
        try:
            async with asyncio.timeout(self._deadline_s):
                async for piece in stream_text(self._client, self._place, messages):
                    if draft.add(piece):
                        break
            draft.end()
            self._breaker.succeeded()
        except (TimeoutError, LlmError) as error:
            outcome = "late" if isinstance(error, TimeoutError) else "failed"
            self._breaker.failed(self._clock())
            log.warning("llm.failed", org=org, error=str(error) or outcome)
        except asyncio.CancelledError:
            self._breaker.given_up()
            self._metrics.add("llm_total", 1.0, "cancelled", org)
            raise
        except Exception:
            outcome = "failed"  # whatever it was, the customer is not left without an answer
            self._breaker.failed(self._clock())
            log.exception("llm.defect", org=org)
        finally:
            sent = sum(len(one["content"]) for one in messages)
            self._budget.spend(org, sent + draft.read_n, self._clock())
        if not draft.sentences:
            why = outcome if outcome != "written" else draft.why or "no_answer"
            self._metrics.add("llm_total", 1.0, why, org)
            return None
        self._metrics.add("llm_total", 1.0, "written", org)
        return draft.written()

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


class _Draft:
    """The sentences of one answer that were found to be carried, so far."""

    def __init__(self, grounds: Sequence[Ground], show: Callable[[str], None]) -> None:
        self._grounds = grounds
        self._show = show
        self._rest = ""
        self._cited: dict[int, None] = {}
        self.sentences: list[str] = []
        self.why = ""
        self.read_n = 0

    def add(self, piece: str) -> bool:
        """Take a piece; return True when nothing more is wanted."""
        self.read_n += len(piece)
        done, self._rest = split(self._rest + piece)
        return any(self._take(sentence) for sentence in done)

    def end(self) -> None:
        """Take what was left as a last sentence, if there is room for one."""
        if self._rest.strip() and not self.why and len(self.sentences) < SENTENCES_N:
            self._take(self._rest.strip())

    def written(self) -> Written:
        """Return the text, its sources numbered anew by the passages that it cites."""
        sources = [self._grounds[n - 1] for n in self._cited]
        named = tuple(Suggestion(topic=one.topic, question=one.question) for one in sources)
        return Written(self._text(), named)

    def _take(self, sentence: str) -> bool:
        """The first sentence that is not carried ends the answer: what follows rests on it."""
        if NO_ANSWER in sentence:
            self.why = "no_answer"
            return True
        judged = judge(sentence, self._grounds)
        if not judged.cited:
            self.why = "refuted"
            return True
        self._cited |= dict.fromkeys(judged.cited)
        marks = "".join(f"[{list(self._cited).index(n) + 1}]" for n in judged.cited)
        self.sentences.append(judged.text + marks)
        self._show(self._text())
        return len(self.sentences) >= SENTENCES_N

    def _text(self) -> str:
        return " ".join(self.sentences)
