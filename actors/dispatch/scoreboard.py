"""Scores that a model has given or owes: what the policy `learned` reads in dispatch.

A contact is asked about once, and left out of the rounds until the answer or its deadline,
whichever comes first. After the deadline the policy goes down its ladder; an answer that comes
later still is thrown away. A model that keeps missing is left alone for a while, so that a dead one
costs nothing. Soft state, all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

import msgspec

from actors.effects import AskScores, Count, Effect, Log
from actors.scoring import Question, ScoreRequest
from policies.learned_policy import Pending, Scores
from policies.view import AgentView, ContactView

DEADLINE_S = 0.02
FRESH_S = 5.0
"""Scores older than this are asked for anew: loads have changed."""
MISSES_N, REST_S = 5, 5.0
"""After so many contacts in a row without an answer nobody is asked for so long."""
KNOWN_N = 2_000
POLICY = "learned"
_PENDING = Pending()


class _Owed(msgspec.Struct, frozen=True):
    request: str
    deadline: float


class _Known(msgspec.Struct, frozen=True):
    scores: Scores | None
    at: float
    episode: int


class Scoreboard:
    """Implements `policies.learned_policy.Scorer` for one dispatch."""

    def __init__(self, org: str) -> None:
        self.effects: list[Effect] = []
        self._org = org
        self._wanted: dict[str, Question] = {}
        self._owed: dict[str, _Owed] = {}
        self._episodes: dict[str, int] = {}
        self._known: dict[str, _Known] = {}
        self._misses_n = 0
        self._rests_until = 0.0

    def scores(
        self, contact: ContactView, agents: Sequence[AgentView], now: float
    ) -> Scores | Pending | None:
        """See `Scorer.scores`. What is wanted leaves with `requests`."""
        known = self._known.get(contact.id)
        if known is not None and known.episode == contact.episode and now - known.at <= FRESH_S:
            if known.scores is None:
                self._fell_back(contact.id)
            return known.scores
        if contact.id in self._owed or contact.id in self._wanted:
            return _PENDING
        if now < self._rests_until:
            self._fell_back(contact.id)
            return None
        self._wanted[contact.id] = Question(contact, list(agents))
        return _PENDING

    def is_pending(self, contact: str) -> bool:
        """Return whether the contact waits for scores, and for nothing else."""
        return contact in self._owed or contact in self._wanted

    def request(self, new_id: Callable[[], str], now: float) -> list[Effect]:
        """Return the question of all contacts wanted since, and what else there is to say."""
        effects, self.effects = self.effects, []
        if self._wanted:
            request_id = new_id()
            owed = _Owed(request_id, now + DEADLINE_S)
            for contact, question in self._wanted.items():
                self._owed[contact] = owed
                self._episodes[contact] = question.contact.episode
            questions = list(self._wanted.values())
            request = ScoreRequest(id=request_id, org=self._org, now=now, questions=questions)
            effects.append(AskScores(request))
            self._wanted = {}
        return effects

    def told(self, request: str, scores: Mapping[str, Scores], now: float) -> bool:
        """Take an answer; return whether it is of use: neither late nor of an older life."""
        mine = [contact for contact, owed in self._owed.items() if owed.request == request]
        for contact in mine:
            found = scores.get(contact)
            if found is not None and not _sane(found):
                self.effects.append(Log("scores.nonsense", {"model": found.model[:100]}))
                found = None
            self._settle(contact, found, now)
        return bool(mine)

    def expire(self, now: float) -> bool:
        """Give up on what is overdue; return whether there was any."""
        late = [contact for contact, owed in self._owed.items() if owed.deadline <= now]
        for contact in late:
            self._settle(contact, None, now)
        return bool(late)

    def next_at(self) -> float | None:
        """Return when `expire` has something to do."""
        return min((owed.deadline for owed in self._owed.values()), default=None)

    def _settle(self, contact: str, scores: Scores | None, now: float) -> None:
        del self._owed[contact]
        self._misses_n = 0 if scores is not None else self._misses_n + 1
        if self._misses_n >= MISSES_N:
            self._misses_n, self._rests_until = 0, now + REST_S
            self.effects.append(Log("scores.rest", {"seconds": REST_S}))
        if len(self._known) >= KNOWN_N:
            self._known = {c: k for c, k in self._known.items() if now - k.at <= FRESH_S}
        self._known[contact] = _Known(scores, now, self._episodes.pop(contact))

    def _fell_back(self, contact: str) -> None:
        self.effects.append(Count("fallbacks_total", label=POLICY))
        why = "no scores in time"
        self.effects.append(
            Log("policy.fallback", {"policy": POLICY, "reason": why, "session": contact})
        )


def _sane(scores: Scores) -> bool:
    """Return whether every number can be what it says it is."""
    return all(
        len(row) == 3 and all(map(isfinite, row)) and row[0] >= 0 and 0 <= row[1] <= 1
        for row in scores.agents.values()
    )
