"""The bots' side of the queue of outcomes (`bot.outcomes.OutcomeSink`)."""

from __future__ import annotations

import msgspec

from bot.outcomes import MAX_TEXT, Outcome, QuestionOutcome
from infra.knowledge.stream import OutcomeStream


class StreamSink:
    """Takes outcomes, and carries them away while `run` runs. Bounded; never waits."""

    def __init__(self, stream: OutcomeStream) -> None:
        self._stream = stream

    def put(self, outcome: Outcome) -> bool:
        """Take it along; False: it was dropped, because the queue is full: the caller counts it."""
        if isinstance(outcome, QuestionOutcome) and len(outcome.text) > MAX_TEXT:
            outcome = msgspec.structs.replace(outcome, text=outcome.text[:MAX_TEXT])
        return self._stream.put(msgspec.json.encode(outcome))

    async def run(self) -> None:
        """Carry until cancelled."""
        await self._stream.run()
