"""The decision log of a simulated centre: to practise on, where the truth can be known."""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np

from policies.decisions import Decision, Outcome
from policies.rounds import Choice, Round, rows_of
from policies.sim.kernel.floor import SERVED
from policies.sim.scenario import Scenario
from policies.sim.simulation import Replication, Setting, replicate
from policies.view import Match, Policy, View

ORG = "simulated"


class Recorder:
    """A policy whose rounds are taken down as live dispatch would."""

    def __init__(self, policy: Policy) -> None:
        self.name, self.policy = policy.name, policy
        self.rounds: list[Round] = []

    def decide(self, view: View, rng: Random) -> list[Match]:
        """Return the policy's matches; see `Policy.decide`."""
        matches = self.policy.decide(view, rng)
        if matches:
            self.rounds.append(self._taken_down(view, matches))
        return matches

    def _taken_down(self, view: View, matches: list[Match]) -> Round:
        number, agents, contacts = len(self.rounds), list(view.agents()), list(view.waiting)
        return Round(
            id=f"{number}",
            at=view.now,
            org=ORG,
            trigger="Simulated",
            seed=number,
            policy=self.name,
            latency_s=0.0,
            limit=view.limit,
            detail="full",
            agents=agents,
            contacts=contacts,
            queues=list(view.queues.values()),
            agents_n=len(agents),
            waiting_n=len(contacts),
            choices=[
                Choice(f"{number}.{place}", match.contact, match.agent, "accepted", match.why)
                for place, match in enumerate(matches)
            ],
        )


def simulated_log(scenario: Scenario, policy: Policy, seed: int, number: int = 0) -> list[Decision]:
    """Return every decision of one replication of the scenario, with its outcome.

    Seeds of the rows do not replay: a simulated policy draws on from round to round.

    Raises:
        PolicyError: the policy proposed something that dispatch would refuse.
    """
    setting, recorder = Setting.of(scenario), Recorder(policy)
    done = replicate(setting, recorder, "python", seed, number)
    lots = np.random.default_rng([seed, number]).random(done.rows)
    outcomes = {
        visit: _outcome(setting, done, visit, float(lots[visit]))
        for visit in range(done.rows)
        if done.visits.fate[visit]["outcome"] == SERVED
    }
    found = []
    for made in recorder.rounds:
        for row in rows_of(made):
            told = outcomes.get(int(row.contact.session))
            if told is not None:
                outcome = msgspec.structs.replace(told, decision=row.id)
                found.append(msgspec.structs.replace(row, outcome=outcome))
    return found


def _outcome(setting: Setting, done: Replication, visit: int, lot: float) -> Outcome:
    """Return what became of a visit that was served; solved if the lot is below its chance."""
    fate, visits = done.visits.fate[visit], done.visits
    crew = int(done.agents[int(fate["agent"])]["crew"])
    chance = float(setting.centre.fit[crew, int(visits.type[visit])]["solve"])
    wrap_up = float(visits.wrap_up[visit]) if len(visits.wrap_up) else 0.0
    return Outcome(
        decision="",
        session=f"{visit}",
        at=float(fate["ended"]),
        ending="accepted",
        wait_s=float(fate["started"] - visits.arrived[visit]),
        abandoned=False,
        handle_s=float(fate["ended"] - fate["started"]) + wrap_up,
        solved=lot < chance,
    )
