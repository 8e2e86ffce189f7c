"""Shadow policies: asked about every round, with no effect on any."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random

import msgspec

from policies.view import HOLD, Match, Policy, View, Why

BUDGET_S = 0.005
REST_S = 10.0


class Tally(msgspec.Struct):
    """What a shadow did so far."""

    asked_n: int = 0
    """Rounds."""
    matches_n: int = 0
    """Live matches that it was compared on."""
    agreed_n: int = 0
    failed_n: int = 0
    """Rounds in which it raised, or answered or did something that no policy may."""
    late_n: int = 0
    spent_s: float = 0.0
    slowest_s: float = 0.0


class Shadow:
    """The live policy, to the last match; what the shadows would have done is told in `Match.why`.

    The live policy decides first, with the round's own dice; a shadow gets dice of its own. One
    that raises or takes longer than `budget_s` is not asked again for `rest_s`, so that a bad
    shadow costs little. `share` of the rounds are shown to the shadows, chosen by the instant.
    `tallies` counts what happened; it is lost with the process.
    """

    def __init__(
        self,
        live: Policy,
        shadows: Sequence[Policy],
        *,
        share: float = 1.0,
        budget_s: float = BUDGET_S,
        rest_s: float = REST_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share: {share}; allowed: 0 to 1")
        self.name = live.name
        self.live, self.shadows = live, tuple(shadows)
        self.deciders = (live,)
        self.tallies = {shadow.name: Tally() for shadow in self.shadows}
        self._share, self._budget_s, self._rest_s, self._clock = share, budget_s, rest_s, clock
        self._rests_until = dict.fromkeys(self.tallies, float("-inf"))

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the live policy's matches; see `Policy.decide`."""
        matches = self.live.decide(view, rng)
        told: dict[str, dict[str, str]] = {match.contact: {} for match in matches}
        shown = bool(matches) and _lot(view.now) < self._share
        for shadow in self.shadows if shown else ():
            if view.now >= self._rests_until[shadow.name]:
                self._ask(shadow, view, matches, told)
        return [self._told(match, told[match.contact]) for match in matches]

    def _ask(
        self, shadow: Policy, view: View, matches: list[Match], told: dict[str, dict[str, str]]
    ) -> None:
        """Ask a shadow, whatever it may do."""
        tally, started = self.tallies[shadow.name], self._clock()
        free = set(view.pool.free)
        bounds = (view.limit, view.only, view.now)
        try:
            given = {m.contact: m for m in shadow.decide(view, Random(f"{view.now}"))}
            assert view.pool.free == free, "it changed who is free"
            chosen = _chosen(matches, given)
        except Exception:  # noqa: BLE001 - whatever a shadow does, routing goes on
            view.pool.free.clear()
            view.pool.free.update(free)
            tally.failed_n += 1
            self._rests_until[shadow.name] = bounds[2] + self._rest_s
            chosen = {}
        view.limit, view.only, view.now = bounds
        spent = self._clock() - started
        self._count(shadow.name, matches, chosen, spent, bounds[2])
        for contact, agent in chosen.items():
            told[contact][shadow.name] = agent

    def _told(self, match: Match, shadow: dict[str, str]) -> Match:
        why = match.why or Why()
        by = why.policy or self.live.name
        why = msgspec.structs.replace(why, policy=by, shadow=shadow)
        return Match(match.contact, match.agent, why)

    def _count(
        self, name: str, matches: list[Match], chosen: dict[str, str], spent: float, now: float
    ) -> None:
        tally = self.tallies[name]
        tally.asked_n += 1
        tally.matches_n += len(chosen)
        tally.agreed_n += sum(chosen.get(match.contact) == match.agent for match in matches)
        tally.spent_s += spent
        tally.slowest_s = max(tally.slowest_s, spent)
        if spent > self._budget_s:
            tally.late_n += 1
            self._rests_until[name] = now + self._rest_s


def _chosen(matches: list[Match], given: dict[str, Match]) -> dict[str, str]:
    """Return whom the shadow would have chosen for each live match; what it left to its ladder is
    no answer of its own."""
    answers = {match.contact: given.get(match.contact) for match in matches}
    return {
        contact: HOLD if answer is None else str(answer.agent)
        for contact, answer in answers.items()
        if answer is None or answer.why is None or not answer.why.fallback_level
    }


def _lot(now: float) -> float:
    """Return a number from 0 to 1 that the instant decides."""
    return int.from_bytes(blake2b(f"{now}".encode(), digest_size=6).digest()) / 2**48
