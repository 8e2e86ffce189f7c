"""Scores on their way: what dispatch asks of a model, and who carries question and answer.

A round never waits for a model. Dispatch asks by the effect `AskScores` and goes on; the answer
comes back as the command `ScoresTold`, or never: whoever asked has a deadline of its own
(`actors.dispatch.scoreboard`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
import structlog

from actors.addresses import Address
from actors.messages import Envelope, ScoresTold
from actors.ports import Metrics
from policies.learned_policy import Scores
from policies.view import AgentView, ContactView

UNDER_WAY_N = 64
"""Requests of one host at once; above it a request is dropped, and its deadline does the rest."""
GIVE_UP_S = 1.0
"""An answer later than this is not waited for: nobody has any use for it."""

log = structlog.get_logger()


class Question(msgspec.Struct, frozen=True, array_like=True):
    """A contact, and the agents who may be given it."""

    contact: ContactView
    agents: list[AgentView]


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All questions of one round, answered in one batch."""

    id: str
    org: str
    now: float
    questions: list[Question]


class ScoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Scores by contact; a contact that is missing has none."""

    scores: dict[str, Scores] = {}


class ModelUnavailableError(Exception):
    """There is no model to ask, or it failed. The text says which."""


class ScoreSource(Protocol):
    """The model, wherever it runs."""

    async def score(self, request: ScoreRequest) -> ScoreAnswer:
        """Return scores.

        Raises:
            ModelUnavailableError: there are none.
        """
        ...


class Carrier:
    """Carries requests to a model and answers back, beside the host's turns.

    Soft: a request that is under way when the host dies is forgotten with it.
    """

    def __init__(
        self,
        source: ScoreSource | None,
        post: Callable[[Iterable[Envelope]], None],
        metrics: Metrics,
    ) -> None:
        self._source, self._post, self._metrics = source, post, metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, address: Address, request: ScoreRequest) -> None:
        """Send a request on its way; returns at once."""
        if self._source is None or len(self._tasks) >= UNDER_WAY_N:
            why = "no_model" if not self._source else "full"
            self._metrics.add("score_misses_total", 1.0, why, address.org)
            return
        task = asyncio.create_task(self._carry(self._source, address, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def under_way(self) -> list[asyncio.Task[None]]:
        """Return the requests that are not answered yet."""
        return list(self._tasks)

    async def close(self) -> None:
        """Let go of what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, source: ScoreSource, address: Address, request: ScoreRequest) -> None:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(GIVE_UP_S):
                answer = await source.score(request)
        except TimeoutError:
            self._metrics.add("score_misses_total", 1.0, "late", address.org)
            return
        except ModelUnavailableError as error:
            self._metrics.add("score_misses_total", 1.0, "failed", address.org)
            log.info("scores.failed", org=address.org, reason=str(error)[:200])
            return
        took = asyncio.get_running_loop().time() - begun
        self._metrics.add("score_seconds", took, org=address.org)
        told = ScoresTold(request=request.id, scores=answer.scores)
        self._post([Envelope(address, told)])
