"""The engine for any policy: one replication that asks `decide(view, rng)` at every change.

It keeps the semantics of the compiled engine to the last bit of arithmetic, in plain objects: from
the same dice and an equivalent policy both engines make the same visits.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from contextlib import suppress
from random import Random

import numpy as np

from policies.eligibility import reason
from policies.learning import Learner, Outcome
from policies.pool import Pool
from policies.sim.desk import Desk, Held
from policies.sim.draws import Dice
from policies.sim.kernel.floor import (
    ABANDONED,
    BLOCKED,
    SERVED,
    SILENT,
    WAITING,
    Centre,
)
from policies.sim.kernel.ordering import keyed
from policies.sim.kernel.staff import FRESH, NOTICE, RETRY, SOLVE, TRANSFER
from policies.sim.names import Names
from policies.sim.scenario import DAY_S
from policies.view import AgentView, ContactView, Match, Policy, View
from policies.waits import Waits

_SHIFT, _COMPLETION, _DEADLINE, _AGAIN, _ARRIVAL, _LOOK = range(6)
ROUND_S = 1.0
"""A policy that holds back a contact that somebody free could take is asked again after this."""
_NEVER = float("inf")


class PolicyError(RuntimeError):
    """A policy proposed something that dispatch would refuse."""


class RowsUsedUp(Exception):  # noqa: N818 - a signal to start again with more room
    """More further visits than the dice have rows for."""


class PythonRun:
    """One replication. After `run`, `dice.visits.fate` holds what became of each visit, and
    `desks` who was busy for how long."""

    def __init__(self, centre: Centre, names: Names, dice: Dice, policy: Policy) -> None:
        self.c, self.names, self.dice, self.policy = centre, names, dice, policy
        self.now = self.waited_s = 0.0
        self.abandoned_n = 0
        self.waits, self.pool = Waits(), Pool()
        self.desks = names.desks(centre)
        for desk in self.desks:
            self.pool.put(desk.view)
        self.in_centre = self.events_n = 0
        self.visits_n = dice.fresh
        self._learner = policy if isinstance(policy, Learner) else None
        self._given: dict[int, tuple[ContactView, AgentView, float]] = {}
        self._rng = Random(int(dice.policy_seed))
        self._completions: list[tuple[float, int, int]] = []
        self._deadlines: list[tuple[float, int]] = []
        self._again: list[tuple[float, int]] = []
        self._shift = self._arrival = 0
        self._look_at = _NEVER
        self._give_up_at = centre.length + DAY_S
        self._fate, self._v = dice.visits.fate, dice.visits
        self._arrived = dice.visits.arrived[: dice.fresh].tolist()

    def run(self) -> None:
        """Run from the first arrival until the last contact has left.

        Raises:
            PolicyError: the policy proposed an ineligible pair.
            RowsUsedUp: try again with more spare rows.
        """
        rounds = self.rounds()
        with suppress(StopIteration):
            view = next(rounds)
            while True:
                view = rounds.send(self.policy.decide(view, self._rng))

    def rounds(self) -> Generator[View, list[Match], None]:
        """Yield the centre whenever somebody waits and somebody is free; send the matches."""
        handlers = {
            _ARRIVAL: self._next_arrival,
            _COMPLETION: self._complete,
            _SHIFT: self._change_shift,
            _DEADLINE: self._lose_patience,
            _AGAIN: self._try_again,
            _LOOK: self._look,
        }
        while True:
            instants = self._instants()
            at, which = min(instants)
            if at == _NEVER or (which == _LOOK and self._in_vain(instants)):
                return
            self.waited_s += len(self.waits) * (at - self.now)
            self.now = at
            self.events_n += 1
            handlers[which]()
            yield from self._decide()

    def _instants(self) -> list[tuple[float, int]]:
        """Return when each sort of event comes next; the order of codes settles ties."""
        while self._completions:
            _, agent, version = self._completions[0]
            if self.desks[agent].version == version:
                break
            heapq.heappop(self._completions)
        shifts, n = self.c.shifts, self._arrival
        return [
            (self._completions[0][0] if self._completions else _NEVER, _COMPLETION),
            (float(shifts[self._shift]["at"]) if self._shift < len(shifts) else _NEVER, _SHIFT),
            (self._deadlines[0][0] if self._deadlines else _NEVER, _DEADLINE),
            (self._again[0][0] if self._again else _NEVER, _AGAIN),
            (self._arrived[n] if n < len(self._arrived) else _NEVER, _ARRIVAL),
            (self._look_at, _LOOK),
        ]

    def _decide(self) -> Generator[View, list[Match], None]:
        """Ask the policy while it may still have something to say."""
        self._look_at = _NEVER
        while len(self.waits) and self.pool.free:
            view = View(now=self.now, waiting=self.waits, pool=self.pool, queues=self.names.queues)
            matches = yield view
            for match in matches:
                self._begin(match)
            if len(matches) < view.limit:
                break
        if len(self.waits) and self.pool.free and self._holds_back():
            self._look_at = self.now + ROUND_S

    def _look(self) -> None:
        """Change nothing: the policy is asked after every event, and this is one."""

    def _in_vain(self, instants: list[tuple[float, int]]) -> bool:
        """Return whether only those are left whom the policy has let wait for a day."""
        left = all(at == _NEVER for at, which in instants if which != _LOOK)
        return left and self._look_at > self._give_up_at

    def _holds_back(self) -> bool:
        """Return whether somebody free is fit for a contact that waits."""
        free, pool = self.pool.free, self.pool
        return any(not free.isdisjoint(pool.members(d)) for d in self.waits.classes)

    def _begin(self, match: Match) -> None:
        contact, agent = self.waits.get(match.contact), self.pool.get(match.agent)
        if contact is None or agent is None:
            raise PolicyError(f"{self.policy.name}: {match} names somebody who is not there")
        why = reason(contact, agent, self.now)
        if why is not None:
            raise PolicyError(f"{self.policy.name}: {match} is not eligible: {why}")
        self.waits.remove(match.contact)
        visit, desk = int(match.contact), self.desks[int(match.agent)]
        kind, fate = int(self._v.type[visit]), self._fate[visit]
        if fate["outcome"] == WAITING:
            left = float(self._v.work[visit]) * float(self.c.fit[desk.crew, kind]["mean"])
            fate["outcome"] = SERVED
        else:
            left = float(self._reserve(kind, visit, NOTICE)["notice"])
            fate["outcome"] = SILENT
        fate["started"], fate["agent"] = self.now, desk.number
        if self._learner is not None:
            self._given[visit] = (contact, agent, self.now)
        desk.begin(Held(visit, left, contact.demand.units), self.now)
        self._changed(desk)

    def _changed(self, desk: Desk) -> None:
        """Show the desk to the policy as it is now, and note its next completion."""
        self.pool.put(desk.view)
        at = desk.next_completion(self.now)
        if at < _NEVER:
            heapq.heappush(self._completions, (at, desk.number, desk.version))

    def _reserve(self, kind: int, visit: int, purpose: int) -> np.void:
        table = self.dice.reserve.table
        column = int(keyed(self.dice.reserve.seed, visit, purpose) * table.shape[1])
        found: np.void = table[kind, column]
        return found

    def _next_arrival(self) -> None:
        visit = self._arrival
        self._arrival += 1
        self._arrive(visit)

    def _arrive(self, visit: int) -> None:
        if self.in_centre >= self.c.lines:
            self._close(visit, BLOCKED)
            self._maybe_again(visit)
            return
        self.in_centre += 1
        self._enqueue(visit)

    def _close(self, visit: int, outcome: int) -> None:
        fate = self._fate[visit]
        fate["outcome"], fate["started"], fate["ended"] = outcome, np.nan, self.now
        fate["agent"] = -1

    def _enqueue(self, visit: int) -> None:
        kind, aged = int(self._v.type[visit]), float(self._v.aged[visit])
        fate = self._fate[visit]
        fate["outcome"], fate["started"], fate["ended"] = WAITING, np.nan, np.nan
        fate["agent"] = -1
        contact = ContactView(
            id=f"{visit:09d}",
            demand=self.names.demands[kind],
            arrived_at=aged,
            virtual_at=aged - float(self.c.kinds[kind]["head_start"]),
        )
        self.waits.put(contact, self.now)
        if len(self._v.patience) and self._v.patience[visit] < _NEVER:
            deadline = float(self._v.arrived[visit]) + float(self._v.patience[visit])
            heapq.heappush(self._deadlines, (deadline, visit))

    def _complete(self) -> None:
        _, agent, _ = heapq.heappop(self._completions)
        desk = self.desks[agent]
        desk.work_until(self.now)
        held = desk.first_done()
        if not held.wrap:
            self._customer_left(held.visit)
            wrap_up = float(self._v.wrap_up[held.visit]) if len(self._v.wrap_up) else 0.0
            if wrap_up > 0.0:
                held.wrap, held.left = True, wrap_up
                self._changed(desk)
                return
        desk.release(held, self.now)
        self._changed(desk)

    def _customer_left(self, visit: int) -> None:
        if self._fate[visit]["outcome"] == SILENT:
            self.in_centre -= 1
            self._maybe_again(visit)
            return
        self._fate[visit]["ended"] = self.now
        kind = int(self._v.type[visit])
        self._teach(visit, kind)
        shares = self.c.transfer[kind]
        u = keyed(self.dice.reserve.seed, visit, TRANSFER) if shares[-1] > 0 else 1.0
        for to, share in enumerate(shares.tolist()):
            if u < share:
                self._enqueue(self._new_visit(visit, to, float(self._v.aged[visit]), 0))
                return
        self.in_centre -= 1

    def _teach(self, visit: int, kind: int) -> None:
        """Tell a policy that learns how the contact ended."""
        if self._learner is None:
            return
        contact, agent, decided_at = self._given.pop(visit)
        crew = self.desks[int(self._fate[visit]["agent"])].crew
        chance = float(self.c.fit[crew, kind]["solve"])
        self._learner.learn(
            Outcome(
                contact=contact,
                agent=agent,
                decided_at=decided_at,
                handle_s=self.now - decided_at,
                solved=keyed(self.dice.reserve.seed, visit, SOLVE) < chance,
            )
        )

    def _new_visit(self, parent: int, kind: int, aged: float, attempt: int) -> int:
        visit, v = self.visits_n, self._v
        if visit == len(v.type):
            raise RowsUsedUp
        self.visits_n += 1
        found = self._reserve(kind, visit, FRESH)
        v.type[visit], v.arrived[visit], v.aged[visit] = kind, self.now, aged
        v.work[visit] = found["work"]
        if len(v.patience):
            v.patience[visit] = found["patience"]
        if len(v.wrap_up):
            v.wrap_up[visit] = found["wrap_up"]
        v.kin[visit] = (v.kin[parent]["origin"], attempt)
        return visit

    def _maybe_again(self, visit: int) -> None:
        kind = int(self._v.type[visit])
        chance = self.c.kinds[kind]
        if chance["retry"] == 0.0 or self._v.kin[visit]["attempt"] >= chance["retry_most"]:
            return
        if keyed(self.dice.reserve.seed, visit, RETRY) < chance["retry"]:
            delay = float(self._reserve(kind, visit, FRESH)["delay"])
            heapq.heappush(self._again, (self.now + delay, visit))

    def _try_again(self) -> None:
        _, before = heapq.heappop(self._again)
        attempt = int(self._v.kin[before]["attempt"]) + 1
        self._arrive(self._new_visit(before, int(self._v.type[before]), self.now, attempt))

    def _lose_patience(self) -> None:
        _, visit = heapq.heappop(self._deadlines)
        if self._fate[visit]["outcome"] != WAITING:
            return
        kind = int(self._v.type[visit])
        self._fate[visit]["ended"] = self.now
        if keyed(self.dice.reserve.seed, visit, NOTICE) < self.c.kinds[kind]["silent"]:
            self._fate[visit]["outcome"] = SILENT
            return
        self._fate[visit]["outcome"] = ABANDONED
        self.abandoned_n += 1
        self.waits.remove(f"{visit:09d}")
        self.in_centre -= 1
        self._maybe_again(visit)

    def _change_shift(self) -> None:
        shift = self.c.shifts[self._shift]
        self._shift += 1
        for desk in self.desks:
            if desk.crew == shift["crew"]:
                desk.turn(on=bool(shift["on"]), now=self.now)
                self.pool.put(desk.view)
