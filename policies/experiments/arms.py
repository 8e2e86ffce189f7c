"""Two policies at once: by blocks of time, or contact by contact."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

import msgspec

from policies.deciders import awaits_scores
from policies.experiments.design import Design
from policies.exploring.plan import Plan
from policies.view import ContactView, Match, Policy, View, Why

LIVE, CANDIDATE = "live", "candidate"
ARMS = (LIVE, CANDIDATE)


class ByBlock:
    """One policy decides everything in a block of a switchback design, then the other.

    The only fair comparison of policies whose contacts compete for agents; see
    `policies.experiments.design`.
    """

    def __init__(self, live: Policy, candidate: Policy, design: Design, experiment: str) -> None:
        self.name = experiment
        self.deciders, self._design = (live, candidate), design

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches of the policy whose block it is; see `Policy.decide`."""
        arm = self._design.arm_at(view.now)
        policy, block = self.deciders[arm], str(self._design.block_at(view.now))
        return [
            _told(match, policy.name, self.name, ARMS[arm], block)
            for match in policy.decide(view, rng)
        ]


class ByContact:
    """A share of the contacts, told by a hash of their ids, get the agent whom the candidate picks.

    For ramping up: the live policy still says who is served and in which order, so the candidate
    cannot make anybody wait. It picks among those who may take the contact beside everything else
    in the round. What it raises, or holds back, leaves the live choice (guard `candidate`); a
    contact whose scores are on their way to it is left out until they are there. A contact keeps
    its arm while the share grows, and whatever its attempts.
    """

    def __init__(self, live: Policy, candidate: Policy, share: float, experiment: str) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share: {share}; allowed: 0 to 1")
        self.name = experiment
        self._live, self._candidate, self._share = live, candidate, share
        self.deciders = (live, candidate)

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the matches; see `Policy.decide`."""
        plan = Plan(view, self._live.decide(view, rng))
        arms = {c.id: arm_of(c.id, self.name, self._share) for c in plan.contacts}
        for contact in list(plan.contacts):
            if arms[contact.id] == CANDIDATE:
                self._ask(plan, contact, rng)
        who = {LIVE: self._live.name, CANDIDATE: self._candidate.name}
        return [
            _told(match, who[arms[match.contact]], self.name, arms[match.contact], "")
            for match in plan.matches()
        ]

    def _ask(self, plan: Plan, contact: ContactView, rng: Random) -> None:
        """Let the candidate choose the contact's agent."""
        view = plan.view
        options = plan.options(contact, [contact])
        alone = View.of([contact], options, now=view.now, queues=view.queues.values(), limit=1)
        try:
            matches = self._candidate.decide(alone, rng)
            chosen = {option.id for option in options} & {match.agent for match in matches}
        except Exception:  # noqa: BLE001 - whatever a candidate does, the live policy's choice stands
            chosen = set()
        if len(chosen) == 1:
            plan.move(contact, chosen.pop(), matches[0].why or Why())
        elif awaits_scores(self._candidate, contact.id):
            plan.drop(contact)
        else:
            plan.keep(contact, CANDIDATE)


class Whole:
    """Every contact is the candidate's, and the log says so: it can be watched, and taken back."""

    def __init__(self, candidate: Policy, experiment: str) -> None:
        self.name = experiment
        self._candidate = candidate
        self.deciders = (candidate,)

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the candidate's matches; see `Policy.decide`."""
        matches = self._candidate.decide(view, rng)
        return [_told(m, self._candidate.name, self.name, CANDIDATE, "") for m in matches]


def arm_of(contact: str, experiment: str, share: float) -> str:
    """Return the arm of a contact: the candidate's if its hash lies below the share."""
    digest = blake2b(f"{experiment}|{contact}".encode(), digest_size=6).digest()
    return CANDIDATE if int.from_bytes(digest) / 2**48 < share else LIVE


def _told(match: Match, policy: str, experiment: str, arm: str, block: str) -> Match:
    why = msgspec.structs.replace(
        match.why or Why(), policy=policy, experiment=experiment, arm=arm, block=block
    )
    return Match(match.contact, match.agent, why)
