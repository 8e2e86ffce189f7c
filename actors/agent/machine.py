"""The agent machine: devices, status, open offers, and the sessions that hang on them.

Hard state: the status clock with its version, the sessions served or consulted in, the open
offers. Soft state: the devices, the grace clock (it starts anew after a restart), answers under
way, and which sessions and offers are over (so that a late repeat does not bring them back).

Invariants:
- Whatever changes what dispatch must know is told with a greater version, so a late repeat of an
  older status changes nothing there.
- An agent without a device is either at rest (offline, no session) or has its grace clock running;
  when that ends, every session is told `AgentLost` and dispatch is told `offline`.
- An offer is decided by dispatch alone: the first answer of any device is passed on, and what the
  device is told is dispatch's word.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.addresses import Address, Conn
from actors.agent.state import Answer, Held, State, Status, open_offer
from actors.config import AgentConfig, OrgConfig
from actors.effects import Deliver, Effect, Log, Refuse, Tell
from actors.frames import Ack, AgentFrame, ErrorCode, OfferOver, SoftFrame
from actors.machine import Context, of_gateway
from actors.messages import (
    AgentChanged,
    AgentLost,
    Announce,
    AnswerOffer,
    Command,
    ConfigChanged,
    ConnectAgent,
    DisconnectAgent,
    GatewayGone,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    SessionJoined,
    SessionLeft,
    SetStatus,
    Tick,
)
from actors.recent import Recent

DEVICES_N = 8
"""Open devices of one agent; one more is refused (`duplicate_login`)."""
OVERDUE_S = 60.0
"""An offer that dispatch has not ended this long after its deadline is taken off the screen."""
RECENT_N = 500
_SETTABLE: dict[str, Status] = {"available": "available", "break": "break", "offline": "offline"}


class Agent:
    """One agent, human or bot. See `actors.machine.Machine`."""

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self._org = config
        self._dispatch = Address("dispatch", address.org, "main")
        self._state = State()
        self._grace_at: float | None = None
        self._left: Recent[str, int] = Recent(RECENT_N)
        self._over: Recent[str, str] = Recent(RECENT_N)
        self._shown = True
        """False: the devices have not seen the latest change."""
        self._out: list[Effect] = []

    # --- the machine -----------------------------------------------------------------------

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """See `Machine.restore`."""
        del timeline
        self._state.load(records)

    def recovered(self, ctx: Context) -> list[Effect]:
        """Devices are unknown now: give them the grace period to come back."""
        self._announce()
        self._watch_grace(ctx.now)
        return self._take_out()

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """See `Machine.handle`."""
        match command:
            case ConnectAgent() | SetStatus() | AnswerOffer():
                self._hear_person(command, ctx.now)
            case DisconnectAgent(conn=conn):
                self._drop_conns([conn])
            case GatewayGone(gateway=gateway):
                self._drop_conns(of_gateway(self._state.conns, gateway))
            case OfferMade():
                self._offer_made(command, ctx.now)
            case OfferEnded(offer=offer, outcome=outcome):
                self._offer_ended(offer, outcome, ctx.now)
            case SessionJoined():
                self._joined(command)
            case SessionLeft(session=session, episode=episode):
                self._leave(session, episode)
            case Announce():
                self._announce()
            case ConfigChanged(config=config):
                self._reconfigure(config, ctx.now)
            case Tick():
                self._tick(ctx.now)
            case _:
                raise TypeError(f"not an agent's command: {type(command).__name__}")
        self._watch_grace(ctx.now)
        return self._take_out()

    def settle(self, ctx: Context) -> list[Effect]:
        """Show the devices what changed, once a turn."""
        del ctx
        if not self._shown:
            self._shown = True
            if self._state.conns:
                self._out.append(Deliver(tuple(self._state.conns), self._frame()))
        return self._take_out()

    def deadline(self) -> float | None:
        """See `Machine.deadline`."""
        due = [offer.deadline + OVERDUE_S for offer in self._state.offers.values()]
        if self._grace_at is not None:
            due.append(self._grace_at)
        return min(due, default=None)

    def gateways(self) -> set[str]:
        """See `Machine.gateways`."""
        return {conn.gateway for conn in self._state.conns}

    def live(self) -> bool:
        """An agent who is offline, holds nothing and has no device may leave memory."""
        state = self._state
        at_rest = state.clock.status == "offline" and not state.sessions and not state.offers
        return bool(state.conns) or not at_rest

    def summary(self) -> dict[str, object]:
        """Return status, load and devices. `busy`: available, with all its capacity in sessions."""
        state, known = self._state, self._known
        capacity = known.capacity if known else 0
        status: str = state.clock.status
        if status == "available" and len(state.sessions) >= capacity:
            status = "busy"
        return {
            "agent": self.address.id,
            "name": known.name if known else "",
            "kind": known.kind if known else "",
            "status": status,
            "since": state.clock.since,
            "reason": state.clock.reason,
            "capacity": capacity,
            "sessions": sorted(s for s, h in state.sessions.items() if h.as_ == "serving"),
            "consults": sorted(s for s, h in state.sessions.items() if h.as_ == "consulting"),
            "offers": len(state.offers),
            "devices": len(state.conns),
        }

    # --- people ----------------------------------------------------------------------------

    @property
    def _known(self) -> AgentConfig | None:
        return self._org.agents.get(self.address.id)

    def _hear_person(self, command: ConnectAgent | SetStatus | AnswerOffer, now: float) -> None:
        known = self._known
        if known is None:
            self._refuse(command, "unknown_agent", "There is no such agent.")
        elif not known.enabled or command.person.id != self.address.id:
            self._refuse(command, "forbidden", "Only the agent, with an account that is on.")
        elif isinstance(command, ConnectAgent):
            if not known.serves:
                self._lose(now)
            self._connect(command, now)
        elif not known.serves:
            self._refuse(command, "forbidden", "Your role takes no contacts.")
        elif isinstance(command, SetStatus):
            self._ask_status(command, now)
        else:
            self._answer(command, now)

    def _connect(self, command: ConnectAgent, now: float) -> None:
        conns = self._state.conns
        if command.conn not in conns:
            self._end_twins(command)
            if len(conns) >= DEVICES_N:
                detail = f"{DEVICES_N} devices are open already: close one first."
                self._refuse(command, "duplicate_login", detail)
                return
            conns.append(command.conn)
            if command.device:
                self._state.devices[command.conn] = command.device
        known = self._known
        if command.status == "available" and known is not None and known.serves:
            self._set_status("available", "", now)
        if self._shown:
            self._out.append(Deliver((command.conn,), self._frame()))

    def _end_twins(self, command: ConnectAgent) -> None:
        """The same device again, at another gateway: its older socket is most likely dead."""
        known = self._state.devices
        twins = [conn for conn, device in known.items() if device == command.device]
        detail = "This device connected again: this older connection ends."
        self._out.extend(Refuse(conn, "duplicate_login", detail) for conn in twins)
        self._drop_conns(twins)

    def _ask_status(self, command: SetStatus, now: float) -> None:
        status = _SETTABLE.get(command.status)
        if status is None:
            detail = "A status is available, break or offline."
            self._refuse(command, "bad_frame", detail)
            return
        self._set_status(status, command.reason if status == "break" else "", now)
        if command.client_id:
            self._out.append(Deliver((command.conn,), Ack(client_id=command.client_id, at=now)))

    def _answer(self, command: AnswerOffer, now: float) -> None:
        """Pass the first answer on; the same device may repeat it."""
        state, offer = self._state, command.offer
        answer = Answer(command.conn, command.client_id, command.accept)
        if offer not in state.offers:
            self._report(answer, self._over.get(offer) or "withdrawn", now)
            return
        known = state.answers.setdefault(offer, answer)
        if known.conn == answer.conn and known.accept == answer.accept:
            state.answers[offer] = answer
            answered = OfferAnswered(agent=self.address.id, offer=offer, accept=answer.accept)
            self._out.append(Tell(self._dispatch, answered))
        else:
            self._refuse(command, "offer_expired", "The offer has been answered already.")

    def _drop_conns(self, conns: list[Conn]) -> None:
        # In place: `_connect` holds the list while it ends twins.
        self._state.conns[:] = [conn for conn in self._state.conns if conn not in conns]
        for conn in conns:
            self._state.devices.pop(conn, None)

    # --- offers ----------------------------------------------------------------------------

    def _offer_made(self, made: OfferMade, now: float) -> None:
        if made.offer in self._state.offers or self._over.get(made.offer) is not None:
            return
        frame = open_offer(made, now)
        self._show(frame)
        if made.auto:
            self._over.set(made.offer, "accepted")
        else:
            self._out.append(self._state.open(frame))

    def _offer_ended(self, offer: str, outcome: str, now: float) -> None:
        state = self._state
        answer, was_open = state.answers.get(offer), offer in state.offers
        is_repeat = self._over.get(offer) == outcome
        self._over.set(offer, outcome)
        if was_open:
            self._out.append(state.shut(offer))
        if answer is not None:
            self._report(answer, outcome, now)
        if not is_repeat:
            self._show(OfferOver(offer=offer, outcome=outcome))
        if outcome == "missed" and not is_repeat:
            self._missed(now, was_open=was_open)

    def _missed(self, now: float, *, was_open: bool) -> None:
        """Dispatch gives nothing more to who missed an offer until it hears of the status again:
        tell it even if that has not changed."""
        if was_open and self._state.clock.status == "available":
            self._set_status("missed", "", now)
        else:
            self._announce()

    def _report(self, answer: Answer, outcome: str, now: float) -> None:
        """Tell the device that answered what became of its answer."""
        wanted = "accepted" if answer.accept else "declined"
        if outcome != wanted:
            detail = f"The offer is over: {outcome}."
            self._out.append(Refuse(answer.conn, "offer_expired", detail, answer.client_id))
        elif answer.client_id:
            self._out.append(Deliver((answer.conn,), Ack(client_id=answer.client_id, at=now)))

    # --- sessions --------------------------------------------------------------------------

    def _joined(self, command: SessionJoined) -> None:
        session, episode = command.session, command.episode
        known = self._state.sessions.get(session)
        left = self._left.get(session)
        late = left is not None and left >= episode
        if late or (known is not None and known.episode > episode):
            return
        held = Held(episode, command.as_)
        if held != known:
            self._out.append(self._state.hold(session, held))
            self._shown = False

    def _leave(self, session: str, episode: int) -> None:
        known = self._state.sessions.get(session)
        self._left.set(session, max(episode, self._left.get(session) or 0))
        if known is not None and known.episode <= episode:
            self._out.append(self._state.let_go(session))
            self._shown = False

    # --- status ----------------------------------------------------------------------------

    def _set_status(self, status: Status, reason: str, now: float) -> None:
        clock = self._state.clock
        if (clock.status, clock.reason) == (status, reason):
            return
        self._out.append(self._state.set_clock(clock.next(status, reason, now)))
        fields: dict[str, str | int | float | None] = {"was": clock.status, "status": status}
        self._out.append(Log("agent.status", fields))
        self._announce()
        self._shown = False

    def _announce(self) -> None:
        clock = self._state.clock
        changed = AgentChanged(
            agent=self.address.id, status=clock.status, since=clock.since, version=clock.version
        )
        self._out.append(Tell(self._dispatch, changed))

    def _watch_grace(self, now: float) -> None:
        """Start or stop the grace clock, as the devices demand."""
        state = self._state
        at_rest = state.clock.status == "offline" and not state.sessions
        if state.conns or at_rest:
            self._grace_at = None
        elif self._grace_at is None:
            self._grace_at = now + self._org.grace_s

    def _tick(self, now: float) -> None:
        if self._grace_at is not None and now >= self._grace_at:
            self._grace_at = None
            self._lose(now)
        overdue = [o for o in self._state.offers.values() if o.deadline + OVERDUE_S <= now]
        for offer in overdue:
            self._out.append(self._state.shut(offer.offer))
            self._show(OfferOver(offer=offer.offer, outcome="withdrawn"))

    def _lose(self, now: float) -> None:
        """The agent is gone: nothing more is routed here, and every session is told."""
        self._set_status("offline", "", now)
        for session, held in list(self._state.sessions.items()):
            self._out.append(self._state.let_go(session))
            lost = AgentLost(agent=self.address.id, session=session, episode=held.episode)
            self._out.append(Tell(Address("session", self.address.org, session), lost))
            self._left.set(session, held.episode)
            self._shown = False

    def _reconfigure(self, config: OrgConfig, now: float) -> None:
        before = self._known
        self._org = config
        known = self._known
        if known is None or not known.works:
            self._lose(now)
        if before is None or known is None or before.capacity != known.capacity:
            self._shown = False

    # --- frames ----------------------------------------------------------------------------

    def _frame(self) -> AgentFrame:
        state, known = self._state, self._known
        return AgentFrame(
            agent=self.address.id,
            status=state.clock.status,
            since=state.clock.since,
            reason=state.clock.reason,
            capacity=known.capacity if known else 0,
            sessions=[s for s, held in state.sessions.items() if held.as_ == "serving"],
            consults=[s for s, held in state.sessions.items() if held.as_ == "consulting"],
            offers=list(state.offers.values()),
        )

    def _show(self, frame: SoftFrame) -> None:
        if self._state.conns:
            self._out.append(Deliver(tuple(self._state.conns), frame))

    def _refuse(
        self, command: ConnectAgent | SetStatus | AnswerOffer, code: ErrorCode, detail: str
    ) -> None:
        client_id = "" if isinstance(command, ConnectAgent) else command.client_id
        self._out.append(Refuse(command.conn, code, detail, client_id))

    def _take_out(self) -> list[Effect]:
        out, self._out = self._out, []
        return out
