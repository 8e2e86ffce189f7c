"""Dispatch with a model that answers well, badly, late, twice or never: R1, R2 and R6."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.addresses import Address
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.dispatch import Dispatch
from actors.effects import AskScores, Tell
from actors.messages import (
    AgentChanged,
    Assign,
    Contact,
    ContactGone,
    ContactWaiting,
    Customer,
    Release,
    ScoresTold,
)
from actors.scoring import ScoreRequest
from policies.learned_policy import Scores
from tests.support.machines import START, Rig

CAPACITY = {"a": 1, "b": 1, "c": 2, "d": 1, "e": 3}
agents = st.sampled_from(sorted(CAPACITY))
numbers = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, math.inf, -1.0, 7.0]))


def centre() -> Rig[Dispatch]:
    """Return a dispatch whose queue learns, with everybody available."""
    config = OrgConfig(
        org="acme",
        version=1,
        entry_queue="q",
        queues={"q": QueueConfig(id="q", name="q", policy="learned", accept="auto")},
        agents={a: AgentConfig(id=a, name=a, capacity=n) for a, n in CAPACITY.items()},
    )
    rig = Rig(Dispatch, Address("dispatch", "acme", "main"), config)
    for agent in CAPACITY:
        rig.send(AgentChanged(agent=agent, status="available", since=START, version=1))
    return rig


class ScoredRouting(RuleBasedStateMachine):
    """Random contacts, statuses and answers in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = centre()
        self.came = 0
        self.gone: set[str] = set()
        self.released: set[str] = set()
        self.status = dict.fromkeys(CAPACITY, "available")
        self.version = 1

    def told(self) -> list[tuple[str, str]]:
        """Return (session, agent) of every assignment, in order."""
        return [
            (effect.to.id, effect.command.agent)
            for effect in self.rig.effects
            if isinstance(effect, Tell) and isinstance(effect.command, Assign)
        ]

    def assigned(self) -> dict[str, str]:
        """Return session -> agent."""
        return dict(self.told())

    def asked(self) -> list[ScoreRequest]:
        return [e.request for e in self.rig.effects if isinstance(e, AskScores)]

    @rule()
    def a_contact_comes(self) -> None:
        self.came += 1
        name = str(self.came)
        at = self.rig.ctx.now
        contact = Contact(
            session=name, episode=1, queue="q", customer=Customer(id=name), arrived_at=at
        )
        self.rig.send(ContactWaiting(contact=contact, virtual_at=at))

    @precondition(lambda self: self.came)
    @rule(data=st.data())
    def a_customer_leaves(self, data: st.DataObject) -> None:
        name = str(data.draw(st.integers(1, self.came)))
        self.gone.add(name)
        self.rig.send(ContactGone(session=name, episode=1))

    @rule(agent=agents, status=st.sampled_from(["available", "break", "offline"]))
    def a_status_changes(self, agent: str, status: str) -> None:
        self.version += 1
        self.status[agent] = status
        self.rig.send(
            AgentChanged(agent=agent, status=status, since=self.rig.ctx.now, version=self.version)
        )

    @precondition(lambda self: self.held())
    @rule(data=st.data())
    def a_contact_ends(self, data: st.DataObject) -> None:
        name, agent = data.draw(st.sampled_from(sorted(self.held().items())))
        self.released.add(name)
        self.rig.send(Release(agent=agent, session=name, episode=1))

    @precondition(lambda self: self.asked())
    @rule(data=st.data(), value=numbers, whole=st.booleans())
    def the_model_answers(self, data: st.DataObject, value: float, whole: bool) -> None:
        request = data.draw(st.sampled_from(self.asked()[-4:]))
        scores = {
            question.contact.id: Scores(
                "m:1", "1", {a.id: (60.0, value, 3.0) for a in question.agents}
            )
            for question in request.questions
            if whole
        }
        self.rig.send(ScoresTold(request=request.id, scores=scores))

    @rule(seconds=st.sampled_from([0.005, 0.02, 0.3, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.rig.advance(seconds)

    def held(self) -> dict[str, str]:
        return {s: a for s, a in self.assigned().items() if s not in self.released}

    @invariant()
    def nobody_holds_too_much_and_nobody_has_two_agents(self) -> None:
        sessions = Counter(session for session, _ in self.told())
        assert max(sessions.values(), default=1) == 1
        for agent, n in Counter(self.held().values()).items():
            assert n <= CAPACITY[agent]

    def teardown(self) -> None:
        """Whatever the model did: a moment later nobody free idles beside somebody waiting."""
        self.rig.advance(1.0)
        waiting = {str(n) for n in range(1, self.came + 1)} - self.gone - self.assigned().keys()
        load = Counter(self.held().values())
        free = [
            agent
            for agent, capacity in CAPACITY.items()
            if self.status[agent] == "available" and load[agent] < capacity
        ]
        assert not (waiting and free), f"{sorted(waiting)} wait beside {free}"


TestScoredRouting = ScoredRouting.TestCase
TestScoredRouting.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
