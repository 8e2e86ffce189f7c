"""Deciding: rounds until nothing more can be matched, each taken down for the decision log."""

from __future__ import annotations

import msgspec

from actors.config import OrgConfig
from actors.dispatch import offers
from actors.dispatch.chronicle import Budget, Sight, look, people_per_s, taken_down
from actors.dispatch.rounds import Asking, Proposal, Rounds
from actors.dispatch.scoreboard import Scoreboard
from actors.dispatch.state import State
from actors.effects import Log
from actors.machine import Context
from policies.decisions import Result
from policies.eligibility import reason
from policies.rounds import Choice
from policies.view import HOLD, ContactView, View

TURN_MATCHES = 256
"""Offers made in one turn, at most: bounds the turn and its commit."""
LOOK_AGAIN_S = 1.0
"""A policy that holds a contact back is asked again this often: its reason may be time."""

Done = list[tuple[Proposal, Choice]]


class Deciding:
    """Runs the rounds of one dispatch. Soft state: the policies, and the log's budget."""

    def __init__(self, org: str, config: OrgConfig) -> None:
        self.board = Scoreboard(org)
        self._rounds = Rounds(config, scorer=self.board)
        self._budget = Budget(people_per_s(config))
        self.again_at: float | None = None
        """When to decide again though nothing has changed; None: not at all."""
        self.last: dict[str, str | int | float | None] = {}

    def configure(self, config: OrgConfig) -> None:
        """Take over new settings."""
        self._rounds.configure(config)
        self._budget.per_s = people_per_s(config)

    def run(self, s: State, ctx: Context) -> None:
        """Run rounds. Leaves `changed` set where the turn's limit was reached: the next goes on."""
        left = TURN_MATCHES
        while s.changed and left > 0 and len(s.room.waits) and s.staff.pool.free:
            seed = int(ctx.random() * 2**53)
            proposals, again = self._rounds.propose(
                s.room.waits, s.staff.pool, now=s.now, seed=seed, limit=left
            )
            if not proposals:
                s.changed = False
                break
            sight = self._look(s, proposals, ctx)
            done = self._use(s, proposals, ctx)
            self._take_down(s, sight, done, ctx)
            made = sum(choice.result != "stale" for _, choice in done)
            left -= made
            s.changed = made > 0 and (again or made < len(proposals))
        if left > 0:
            s.changed = False
            self._note_held(s, ctx)
        s.trigger = ""
        s.out += self._rounds.effects
        s.out += self.board.request(ctx.new_id, s.now)
        self._rounds.effects.clear()

    def _use(self, s: State, proposals: list[Proposal], ctx: Context) -> Done:
        """Turn proposals into offers, up to the first that no longer fits; the rest is stale."""
        done: Done = []
        fits = True
        for proposal in proposals:
            contact, agent = proposal.contact, s.staff.pool[proposal.agent]
            fits = fits and contact.id in s.room.waits and agent.full(contact.demand) is None
            if not fits:
                done.append((proposal, _stale(proposal, ctx)))
                continue
            offer = offers.make(s, proposal, ctx)
            result: Result = "offered" if offer.id in s.ledger.offers else "accepted"
            choice = Choice(offer.id, contact.id, offer.agent, result, proposal.why)
            done.append((proposal, choice))
            self.last = offer.facts(s.now)
            self.last |= {"policy": proposal.policy, "seed": proposal.asking.seed}
            s.out.append(Log("offer.made", self.last))
        return done

    # --- the log ---------------------------------------------------------------------------

    def _look(self, s: State, proposals: list[Proposal], ctx: Context) -> Sight | None:
        if self._budget.per_s <= 0:
            return None
        asked = {id(proposal.asking): proposal.asking for proposal in proposals}.values()
        return look(self._view(s), asked, self._budget, ctx.random())

    def _view(self, s: State) -> View:
        pool, waits = s.staff.pool, s.room.waits
        return View(now=s.now, waiting=waits, pool=pool, queues=self._rounds.queues)

    def _take_down(self, s: State, sight: Sight | None, done: Done, ctx: Context) -> None:
        if sight is None:
            return
        choices: dict[int, dict[int, Choice]] = {}
        askings: dict[int, Asking] = {}
        for proposal, choice in done:
            askings[id(proposal.asking)] = proposal.asking
            choices.setdefault(id(proposal.asking), {})[id(proposal)] = choice
        for key, asking in askings.items():
            mine = choices[key]
            # Whole, in the order of the policy's answer: what was cut off by the limit is stale.
            ordered = [mine.get(id(one)) or _stale(one, ctx) for one in asking.proposals]
            self._write(s, sight, asking, ordered)

    def _write(self, s: State, sight: Sight, asking: Asking, choices: list[Choice]) -> None:
        entries = {choice.contact: s.room.get(choice.contact) for choice in choices}
        customers = {c: e.contact.customer.id for c, e in entries.items() if e is not None}
        queues = list(self._rounds.queues.values())
        record = taken_down(
            sight,
            asking,
            choices,
            customers,
            org=s.address.org,
            at=s.now,
            trigger=s.trigger,
            queues=queues,
        )
        s.out.append(record)

    # --- holding back ----------------------------------------------------------------------

    def _note_held(self, s: State, ctx: Context) -> None:
        """Whoever waits beside an eligible agent is held back by its policy: ask again soon."""
        held = self._held_back(s)
        self.again_at = s.now + LOOK_AGAIN_S if held else None
        fresh = [contact for contact in held if not _is_known(s, contact)]
        if not fresh or self._budget.per_s <= 0:
            return
        for contact in fresh:
            asking = self._rounds.held_by(contact.demand.queue)
            choice = Choice(ctx.new_id(), contact.id, HOLD, "held")
            s.held.set(contact.id, (contact.episode, choice.id))
            sight = look(self._view(s), (), self._budget, ctx.random())
            if sight.detail == "chosen":
                sight = msgspec.structs.replace(sight, contacts=[contact])
            self._write(s, sight, asking, [choice])

    def _held_back(self, s: State) -> list[ContactView]:
        """Return the oldest contact of each class for which an eligible agent is free."""
        pool, waits, now = s.staff.pool, s.room.waits, s.now
        found: list[ContactView] = []
        if not pool.free:
            return found
        for demand, orders in waits.classes.items():
            members = pool.members(demand)
            if pool.free.isdisjoint(members):
                continue
            contact = waits[orders[0][2]]
            free = (agent for agent in pool.free if agent in members)
            if self.board.is_pending(contact.id):
                continue
            if any(reason(contact, pool[agent], now) is None for agent in free):
                found.append(contact)
        return found


def _is_known(s: State, contact: ContactView) -> bool:
    """Tell whether the log has it already that this contact is held back."""
    known = s.held.get(contact.id)
    return known is not None and known[0] == contact.episode


def _stale(proposal: Proposal, ctx: Context) -> Choice:
    return Choice(ctx.new_id(), proposal.contact.id, proposal.agent, "stale", proposal.why)
