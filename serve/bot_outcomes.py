"""What became of each question, noted for the learning loop and the report; nothing waits."""

from __future__ import annotations

import msgspec

from actors.ports import Metrics
from bot.outcomes import OutcomeSink, QuestionOutcome, SessionOutcome
from serve.bot_ports import Answered
from serve.bot_talk import Ask, Talk

CARDS_N = 5_000


class OutcomeNotes:
    """Notes of one bot. `sink` None: nobody wants to know."""

    def __init__(self, org: str, sink: OutcomeSink | None, metrics: Metrics) -> None:
        self._org = org
        self._sink = sink
        self._metrics = metrics
        self._cards: dict[str, str] = {}

    def answered(self, talk: Talk, ask: Ask, answered: Answered | None) -> None:
        """The question was answered, asked back, missed, or led to a human; what follows from it is
        planned, and not done yet."""
        number = f"{talk.session}:{ask.seq}"
        card = self._cards.pop(talk.session, "")
        if card and ask.clicked:
            self._put(QuestionOutcome(org=self._org, id=card, clicked=ask.clicked))
        found = answered.found if answered is not None else None
        if found is not None and found.suggestions:
            self._cards[talk.session] = number
            while len(self._cards) > CARDS_N:
                del self._cards[next(iter(self._cards))]
        outcome = QuestionOutcome(
            org=self._org,
            id=number,
            at=ask.at,
            session=talk.session,
            customer=talk.customer,
            text=ask.asked,
            lang=talk.talked.lang,
            handoff=talk.leads_to_human(ask),
        )
        if answered is not None and found is not None:
            outcome = msgspec.structs.replace(
                outcome,
                base=found.base,
                version=found.version,
                band=found.band,
                topic=found.topic,
                probability=found.probability,
                suggestions=tuple(one.topic for one in found.suggestions),
                shadow_topic=answered.shadow_topic,
                shadow_probability=answered.shadow_probability,
            )
        self._put(outcome)

    def left(self, talk: Talk) -> None:
        """The bot's part in the session is over."""
        if talk.begun_at:
            self._put(self._session(talk))

    def ended(self, talk: Talk, at: float) -> None:
        """The session itself is over."""
        if talk.begun_at:
            self._put(msgspec.structs.replace(self._session(talk), ended_at=at))

    def _session(self, talk: Talk) -> SessionOutcome:
        return SessionOutcome(
            org=self._org,
            id=talk.session,
            at=talk.begun_at,
            base=talk.base,
            customer=talk.customer,
            human=talk.human,
            handoff=talk.reason,
        )

    def _put(self, outcome: QuestionOutcome | SessionOutcome) -> None:
        if self._sink is not None and not self._sink.put(outcome):
            self._metrics.add("outcomes_dropped_total", org=self._org)
