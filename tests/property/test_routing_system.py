"""Sessions, agents, queues and dispatch together, on a bad network, with crashes: R1 to R4, R6, R7,
M8."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from actors.addresses import Conn
from actors.config import AgentConfig, HoursConfig, OrgConfig, QueueConfig, RelaxStep
from actors.dispatch.waiting import RETRY_S
from actors.messages import (
    AnswerOffer,
    CompleteTransfer,
    ConnectAgent,
    Customer,
    Detach,
    DisconnectAgent,
    EndSession,
    FinishWrapUp,
    GatewayGone,
    OpenSession,
    Person,
    SetStatus,
    TakeOver,
    Transfer,
)
from policies import registry
from policies.decisions import Decision, Outcome, check
from policies.eligibility import reason
from policies.explain import explain
from policies.joining import join
from policies.replay import differences
from policies.rounds import Round, rows_of
from policies.view import Match, View
from tests.support.centre import Centre

AGENTS = ("ann", "bob", "cat", "robot")
QUEUES = ("q0", "q1", "bots")
SESSIONS = tuple(str(n) for n in range(1, 7))
MAX_CAPACITY = 3

decode_round = msgspec.msgpack.Decoder(Round).decode
decode_outcome = msgspec.msgpack.Decoder(Outcome).decode

agents = st.sampled_from(AGENTS)
sessions = st.sampled_from(SESSIONS)


def config() -> OrgConfig:
    return OrgConfig(
        org="acme",
        version=1,
        entry_queue="q0",
        queues={
            "q0": QueueConfig(id="q0", name="q0", wrap_up_s=5.0, timeout_s=300.0),
            "q1": QueueConfig(
                id="q1",
                name="q1",
                policy="least_busy",
                accept="auto",
                wrap_up_s=0.0,
                units=2,
                groups=["east"],
                limit=4,
                overflow_to="q0",
                overflow_after_s=90.0,
            ),
            "bots": QueueConfig(id="bots", name="bots", kind="bot", accept="auto", wrap_up_s=0.0),
        },
        agents={
            "ann": AgentConfig(
                id="ann",
                name="Ann",
                capacity=2,
                groups=["east"],
                role="leader",
                languages=["zh", "en"],
            ),
            "bob": AgentConfig(
                id="bob", name="Bob", capacity=1, skills={"sql": 3}, languages=["en"]
            ),
            "cat": AgentConfig(
                id="cat",
                name="Cat",
                capacity=3,
                groups=["east"],
                skills={"sql": 1},
                channels={"chat": 2},
            ),
            "robot": AgentConfig(id="robot", name="Robot", kind="bot", capacity=3),
        },
    )


RULES = st.fixed_dictionaries(
    {
        "needs": st.sampled_from(({}, {"sql": 3})),
        "relax": st.sampled_from(
            (
                [],
                [RelaxStep(after_s=4.0, needs={"sql": 1}), RelaxStep(after_s=9.0, anyone=True)],
                [RelaxStep(after_s=2.0, anyone=True)],
            )
        ),
        "match_language": st.booleans(),
        "quota_per_day": st.sampled_from((None, None, 1, 2)),
        "named_wait_s": st.sampled_from((5.0, 120.0)),
        "hours": st.sampled_from((None, None, HoursConfig(time_zone="UTC", week=[[]] * 7))),
        "message_unstaffed": st.booleans(),
        "overflow_eta_s": st.sampled_from((None, 20.0)),
        "overflow_message": st.booleans(),
        "overflow_after_s": st.sampled_from((None, 60.0)),
        "overflow_to": st.sampled_from((None, "q1")),
    }
)
"""Everything that a queue may demand, in and out of force while people wait."""


class Raises:
    """A policy with a defect."""

    name = "raises"

    def decide(self, view: View, rng: Random) -> list[Match]:
        raise RuntimeError("a defect")


POLICIES: dict[str, dict[str, object]] = {
    "longest_idle": {},
    "least_busy": {},
    "weighted": {"weights": {"ann": 3.0}},
    "round_robin": {},
    "batch_assignment": {},
    "explore": {"policy": "least_busy", "epsilon": 0.5},
    "ramp": {"share": 0.5, "candidate": {"policy": "last_idle"}},
    "learned": {"few": 0},
    "raises": {},
    "oracle": {},
    "fixed_cap": {"cap": 0},
}
"""Policies of a queue, the last three of which cannot decide; nobody answers for a model."""
CANNOT = {"raises", "oracle", "fixed_cap"}


class RoutingSystem(RuleBasedStateMachine):
    """Random people, a random network, random crashes."""

    def __init__(self) -> None:
        super().__init__()
        registry._entries["raises"] = registry._plain(Raises)
        self.centre = Centre(config())
        self.next_conn = 0
        self.conns: dict[str, list[Conn]] = {agent: [] for agent in AGENTS}
        self.opened: set[str] = set()

    # --- what is where -----------------------------------------------------------------------

    def conn(self) -> Conn:
        self.next_conn += 1
        return Conn(f"g{self.next_conn % 2}", self.next_conn)

    def person(self, agent: str) -> Person:
        known = self.centre.config.agents[agent]
        return Person(
            id=agent,
            role="leader" if known.role == "leader" else "agent",
            name=known.name,
            kind=known.kind,
        )

    def routing(self, session: str):
        return self.centre.machine("session", session)._state.routing

    def ledger(self):
        return self.centre.machine("dispatch", "main")._s.ledger

    def served(self, agent: str) -> list[str]:
        return [
            s
            for s in sorted(self.opened)
            if (seat := self.routing(s).serving) is not None
            and seat.person.id == agent
            and self.routing(s).phase != "closed"
        ]

    @initialize(
        staff=st.sets(agents, max_size=4),
        first=st.dictionaries(st.sampled_from(("q0", "q1")), st.sampled_from(sorted(POLICIES))),
        early=st.sets(sessions, max_size=3),
    )
    def a_day_begins(self, staff, first, early):
        for queue, policy in sorted(first.items()):
            self.the_policy_of_a_queue_changes(policy, queue)
        for agent in sorted(staff):
            self.agent_comes(agent, "available")
        self.centre.drain()
        for session in sorted(early):
            self.customer_opens(session, "q0", False, "", "")
        self.centre.drain()

    # --- people ------------------------------------------------------------------------------

    @rule(
        session=sessions,
        queue=st.sampled_from(("q0", "q1", "bots", "q0")),
        sql=st.booleans(),
        last=st.sampled_from(("", "ann", "bob")),
        lang=st.sampled_from(("", "zh-CN", "en")),
    )
    def customer_opens(self, session, queue, sql, last, lang):
        self.opened.add(session)
        conn = self.conn()
        command = OpenSession(
            conn=conn,
            customer=Customer(id=f"c{session}", lang=lang),
            queue=queue,
            needs={"sql": 2} if sql and queue == "q0" else {},
            last_agent=last,
            last_ended_at=self.centre.ctx.now - 60,
        )
        self.centre.say("session", session, command)
        if not queue:
            self.centre.say("session", session, Detach(conn=conn))

    @rule(session=sessions)
    def customer_ends(self, session):
        if session in self.opened:
            person = Person(id=f"c{session}", role="customer")
            self.centre.say("session", session, EndSession(conn=self.conn(), person=person))

    @rule(
        agent=agents,
        status=st.sampled_from(("available", "available", "available", "break", "offline")),
    )
    def agent_comes(self, agent, status):
        person = self.person(agent)
        if not self.conns[agent]:
            conn = self.conn()
            self.conns[agent].append(conn)
            self.centre.say("agent", agent, ConnectAgent(conn=conn, person=person))
        command = SetStatus(conn=self.conns[agent][0], person=person, status=status)
        self.centre.say("agent", agent, command)

    @rule(agent=agents)
    def agent_loses_a_device(self, agent):
        if self.conns[agent]:
            command = DisconnectAgent(conn=self.conns[agent].pop())
            self.centre.say("agent", agent, command)

    @rule()
    def gateway_dies(self):
        for agent, conns in self.conns.items():
            self.conns[agent] = [conn for conn in conns if conn.gateway != "g0"]
            self.centre.say("agent", agent, GatewayGone(gateway="g0"))

    @rule(agent=agents, accept=st.sampled_from((True, True, False)))
    def agent_answers(self, agent, accept):
        for offer in list(self.centre.machine("agent", agent)._state.offers):
            command = AnswerOffer(
                conn=self.conn(), person=self.person(agent), offer=offer, accept=accept
            )
            self.centre.say("agent", agent, command)

    @rule(agent=agents)
    def agent_ends_a_session(self, agent):
        for session in self.served(agent)[:1]:
            person, conn = self.person(agent), self.conn()
            self.centre.say("session", session, EndSession(conn=conn, person=person))
            done = FinishWrapUp(conn=conn, person=person, disposition="solved")
            self.centre.say("session", session, done)

    @rule(agent=agents, to=st.sampled_from((*AGENTS, *QUEUES)), warm=st.booleans())
    def agent_transfers(self, agent, to, warm):
        for session in self.served(agent)[:1]:
            target = {"agent": to} if to in AGENTS else {"queue": to}
            command = Transfer(conn=self.conn(), person=self.person(agent), warm=warm, **target)
            self.centre.say("session", session, command)

    @rule(agent=agents)
    def agent_completes_a_transfer(self, agent):
        for session in self.served(agent):
            command = CompleteTransfer(conn=self.conn(), person=self.person(agent))
            self.centre.say("session", session, command)

    @rule(session=sessions)
    def leader_takes_over(self, session):
        if session in self.opened:
            command = TakeOver(conn=self.conn(), person=self.person("ann"))
            self.centre.say("session", session, command)

    @rule(rules=RULES)
    def the_rules_of_a_queue_change(self, rules):
        old = self.centre.config
        queue = msgspec.structs.replace(old.queues["q0"], **rules)
        queues = {**old.queues, "q0": queue}
        changed = msgspec.structs.replace(old, version=old.version + 1, queues=queues)
        self.centre.reconfigure(changed)

    @rule(
        agent=agents,
        capacity=st.integers(1, MAX_CAPACITY),
        enabled=st.sampled_from((True, True, False)),
    )
    def settings_change(self, agent, capacity, enabled):
        old = self.centre.config
        known = msgspec.structs.replace(old.agents[agent], capacity=capacity, enabled=enabled)
        changed = msgspec.structs.replace(
            old, version=old.version + 1, agents={**old.agents, agent: known}
        )
        self.centre.reconfigure(changed)

    @rule(policy=st.sampled_from(sorted(POLICIES)), queue=st.sampled_from(("q0", "q1")))
    def the_policy_of_a_queue_changes(self, policy, queue):
        old = self.centre.config
        named = {"policy": policy, "policy_params": POLICIES[policy]}
        changed = msgspec.structs.replace(old.queues[queue], **named)
        queues = {**old.queues, queue: changed}
        self.centre.reconfigure(
            msgspec.structs.replace(old, version=old.version + 1, queues=queues)
        )

    @rule(
        agent=agents,
        skills=st.sampled_from(({}, {"sql": 1}, {"sql": 3})),
        groups=st.sampled_from(([], ["east"])),
    )
    def what_an_agent_can_changes(self, agent, skills, groups):
        old = self.centre.config
        known = msgspec.structs.replace(old.agents[agent], skills=skills, groups=groups)
        self.centre.reconfigure(
            msgspec.structs.replace(
                old, version=old.version + 1, agents={**old.agents, agent: known}
            )
        )

    # --- the network -------------------------------------------------------------------------

    @precondition(lambda self: self.centre.lanes)
    @rule(
        data=st.data(),
        n=st.integers(1, 3),
        fate=st.sampled_from(("ok", "ok", "ok", "again", "lost")),
    )
    def deliver(self, data, n, fate):
        lanes = sorted(self.centre.lanes, key=str)
        lane = data.draw(st.sampled_from(range(len(lanes))))
        self.centre.deliver(lanes[lane], n, again=fate == "again", lost=fate == "lost")

    @rule()
    def everything_arrives(self):
        self.centre.drain()

    @rule(seconds=st.sampled_from((1.0, 5.0, 35.0)))
    def time_passes(self, seconds):
        self.centre.advance(seconds)

    @rule(data=st.data())
    def somebody_crashes(self, data):
        addresses = sorted(self.centre.machines, key=str)
        if addresses:
            n = data.draw(st.sampled_from(range(len(addresses))))
            self.centre.crash(addresses[n])

    @rule(kind=st.sampled_from(("dispatch", "queue", "agent")), agent=agents)
    def a_router_crashes(self, kind, agent):
        entity = {"dispatch": "main", "queue": "q0", "agent": agent}[kind]
        self.centre.crash(self.centre.address(kind, entity))

    # --- promises ----------------------------------------------------------------------------

    @invariant()
    def nobody_holds_what_the_ledger_does_not_know(self):
        ledger = self.ledger()
        for session in self.opened:
            routing = self.routing(session)
            for seat in (routing.serving, routing.consulting):
                if seat is not None and seat.units and routing.phase != "closed":
                    hold = ledger.holds.get(seat.offer)
                    assert hold is not None, f"session {session}: {seat}"
                    assert (hold.agent, hold.session) == (seat.person.id, session)

    @invariant()
    def units_are_the_sum_of_offers_and_holds_within_capacity(self):
        ledger = self.ledger()
        for agent in AGENTS:
            offers = [o for o in ledger.offers.values() if o.agent == agent]
            holds = [h for h in ledger.holds.values() if h.agent == agent]
            units = sum(o.units for o in offers) + sum(h.units for h in holds)
            assert ledger.used(agent) == units <= MAX_CAPACITY
            chats = [one.units for one in (*offers, *holds) if one.channel == "chat"]
            assert agent != "cat" or sum(chats) <= 2

    @rule()
    def all_is_well_in_the_end(self):
        centre = self.centre
        for _ in range(3):
            centre.drain()
            centre.advance(3.0)
        centre.drain()
        self.check_ledger_against_sessions()
        self.check_waiting()
        self.check_agents()
        self.check_nobody_idles_beside_a_waiting_contact()
        self.check_positions_are_in_the_order_of_service()
        self.check_every_decision_can_be_made_again()
        self.check_every_decision_says_who_made_it_and_what_came_of_it()

    def teardown(self):
        try:
            self.all_is_well_in_the_end()
        finally:
            del registry._entries["raises"]

    def check_ledger_against_sessions(self):
        seats = {
            seat.offer
            for session in self.opened
            if (routing := self.routing(session)).phase != "closed"
            for seat in (routing.serving, routing.consulting)
            if seat is not None and seat.units
        }
        assert set(self.ledger().holds) == seats

    def check_waiting(self):
        room = self.centre.machine("dispatch", "main")._s.room
        expected = {}
        for session in self.opened:
            routing = self.routing(session)
            assert routing.phase != "new"
            assert routing.phase not in ("serving", "wrap-up") or routing.serving is not None
            assert routing.phase != "waiting" or routing.attempt is not None
            assert routing.phase != "closed" or routing.reason
            if routing.attempt is not None:
                expected[session] = routing.attempt.contact.episode
        lines = [self.centre.machine("queue", queue)._line for queue in QUEUES]
        in_line = {p.contact.session: p.contact.episode for line in lines for p in line}
        assert in_line == expected
        assert {s: e.contact.episode for s, e in room._entries.items()} == expected
        offers = self.ledger().offers.values()
        for session in expected:
            offered = [o.id for o in offers if o.contact.session == session]
            assert [self.routing(session).attempt.offer] == (offered or [""])

    def check_agents(self):
        offers = self.ledger().offers.values()
        for agent in AGENTS:
            state = self.centre.machine("agent", agent)._state
            assert set(state.offers) == {o.id for o in offers if o.agent == agent}
            mine = {
                session
                for session in self.opened
                if (routing := self.routing(session)).phase != "closed"
                for seat in (routing.serving, routing.consulting)
                if seat is not None and seat.person.id == agent
            }
            assert set(state.sessions) == mine

    def rows(self) -> list[Decision]:
        facts = (fact.data for fact in self.centre.facts if fact.table == "round")
        return check([row for data in facts for row in rows_of(decode_round(data))], "the log")

    def check_positions_are_in_the_order_of_service(self):
        """R4: dispatch serves in the order that the queue tells, and everybody was told so."""
        room = self.centre.machine("dispatch", "main")._s.room
        ahead = sorted(room.waits, key=lambda contact: contact.order)
        for queue in QUEUES:
            line = self.centre.machine("queue", queue)._line
            standing = [place.contact.session for place in line if not place.contact.agent]
            to_serve = [c.id for c in ahead if c.demand.queue == queue and not c.agent]
            assert to_serve == [session for session in standing if session in room.waits]
            for position, session in enumerate(standing, start=1):
                told = self.centre.machine("session", session)._state.place[0]
                assert told in (position, 0), "0: its session has crashed since it was told"

    def check_every_decision_says_who_made_it_and_what_came_of_it(self):
        """R6, R7: who stood in for whom, and why; how it ended, once it has."""
        facts = self.centre.facts
        told = [decode_outcome(fact.data) for fact in facts if fact.table == "outcome"]
        holds, offers = self.ledger().holds, self.ledger().offers
        for row in join(self.rows(), told):
            assert row.policy not in CANNOT
            assert (row.fallback_level > 0) == bool(row.fallback_reason)
            if row.policy == "learned":
                assert (row.fallback_level == 0) == (row.guards in (["few"], ["max_wait"]))
            assert row.id in explain(row, "en")
            assert row.id in explain(row, "zh")
            outcome = row.outcome
            if row.result in ("held", "stale") or row.id in offers or row.id in holds:
                continue
            assert outcome is not None
            assert outcome.ending is not None
            if outcome.ending == "accepted":
                assert (outcome.wait_s or 0.0) >= 0.0
                assert outcome.handle_s is not None
                assert not outcome.abandoned

    def check_every_decision_can_be_made_again(self):
        """R7: seed and row give the same action; every hold has its row."""
        facts, rows = self.centre.facts, self.rows()
        assert differences(rows) == []
        decided = {row.id for row in rows if row.result != "stale"}
        assert set(self.ledger().holds) | set(self.ledger().offers) <= decided
        ended = [decode_outcome(fact.data) for fact in facts if fact.table == "outcome"]
        assert {outcome.decision for outcome in ended} <= decided

    def check_relaxation(self, contact, now):
        """What policies see is relaxed by the clock, at the second, not by the last event."""
        queue = self.centre.config.queues[contact.demand.queue]
        place = self.centre.machine("queue", queue.id)._line.get(contact.id)
        if not contact.agent:
            assert contact.relaxed == steps_due(queue, now - place.since)

    def check_nobody_idles_beside_a_waiting_contact(self):
        dispatch = self.centre.machine("dispatch", "main")
        pool, now = dispatch._s.staff.pool, self.centre.ctx.now
        for agent in AGENTS:
            clock = self.centre.machine("agent", agent)._state.clock
            if self.centre.config.agents[agent].enabled:
                assert pool[agent].status == clock.status
        for contact in dispatch._s.room.waits:
            if contact.tried and not contact.agent:
                others = dispatch._s.staff.has_others(
                    contact.demand, contact.tried | contact.exclude
                )
                # An offer may have lapsed this very moment: then asking again is planned.
                assert (
                    others or now < dispatch._s.room._entries[contact.id].retry_at <= now + RETRY_S
                )
            self.check_relaxation(contact, now)
            if dispatch._deciding.board.is_pending(contact.id):
                continue
            for agent in pool:
                why = reason(contact, pool[agent], now)
                assert why is not None, f"{agent} idles beside {contact}"


def steps_due(queue: QueueConfig, waited_s: float) -> int:
    """How many relaxation steps a wait of that length leaves behind."""
    return sum(step.after_s <= waited_s for step in queue.relax)


RoutingSystem.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_the_centre_keeps_its_promises = RoutingSystem.TestCase
