"""The session's machine: one command in, effects out. The topics beside this file do the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from actors.addresses import Address
from actors.config import OrgConfig
from actors.effects import Effect
from actors.machine import Context
from actors.messages import (
    AgentLost,
    Assign,
    AssignRefused,
    Attach,
    CancelTransfer,
    Command,
    CompleteTransfer,
    ConfigChanged,
    ContactOffered,
    Detach,
    EndSession,
    EnqueueRefused,
    FinishWrapUp,
    GatewayGone,
    Join,
    LeaveSession,
    MarkReceipt,
    OfferLapsed,
    OpenSession,
    Overflowed,
    PositionChanged,
    QueueTimedOut,
    Rate,
    Recall,
    Say,
    TakeOver,
    Tick,
    Transfer,
    Typing,
)
from actors.session import attaching, closing, conversation, routing, supervision, timers, transfers
from actors.session.fingerprints import Repeatable, of_command
from actors.session.opening import open_session
from actors.session.state import State
from actors.session.timeline import sender_key
from actors.session.turn import Turn

_REPEATABLE = get_args(Repeatable)
_Personal = Attach | Say | MarkReceipt | Typing | Repeatable
_PERSONAL = get_args(_Personal)


class Session:
    """One customer conversation, from hello to wrap-up.

    **Holds, hard**: how it opened, who serves it and is asked (`routing`), receipts, as records;
    its numbers, client ids and recalls, which `restore` counts again from the timeline.

    **Holds, soft**: sockets (gateways attach them again), place in the queue (the queue says it
    again), the abandon clock (starts afresh: nobody is abandoned because a shard died), a pending
    idle warning (is given again, in full), who types.

    **After a crash** nothing is told again: tells are durable, and were committed with the state
    that they follow from. Timers follow from durable instants.

    **May be repeated**: everything. A person's command is known by its `client_id` and gets the
    same answer (M2); a routing command by its episode and offer, and changes nothing when late.
    """

    def __init__(self, address: Address, config: OrgConfig) -> None:
        self.address = address
        self._state = State(address, config)
        self._settled = self._state.routing

    def restore(self, records: dict[str, bytes], timeline: Sequence[bytes]) -> None:
        """Rebuild the durable state; see `actors.machine.Machine`."""
        self._state.load(records)
        self._state.timeline.restore(timeline)

    def recovered(self, ctx: Context) -> list[Effect]:
        """Start the abandon clock afresh; nobody has to be told anything."""
        self._state.away_since = ctx.now
        return []

    def handle(self, command: Command, ctx: Context) -> list[Effect]:
        """Run one command and return its effects, in order."""
        state = self._state
        if state.opening is None and not isinstance(command, OpenSession):
            return self._unopened(command, ctx)
        if isinstance(command, Say):
            return conversation.say(state, command, ctx)
        turn = Turn(state, ctx)
        if not self._answered(turn, command):
            _run(turn, command)
        return turn.out

    def settle(self, ctx: Context) -> list[Effect]:
        """Save the records that this turn replaced; whoever watched, and may no longer, is let
        go."""
        routing = self._state.routing
        changed = self._state.changes()
        if routing is not self._settled:
            self._settled = routing
            turn = Turn(self._state, ctx)
            supervision.let_go(turn)
            changed += turn.out
        return changed

    def deadline(self) -> float | None:
        """Return when the next timer runs out."""
        return timers.due_at(self._state)

    def gateways(self) -> set[str]:
        """Return the gateways that hold sockets of this session."""
        return self._state.room.gateways()

    def live(self) -> bool:
        """Return False before the opening and after the end."""
        return self._state.routing.phase not in ("new", "closed")

    def summary(self) -> dict[str, object]:
        """Return one line of the supervisor's list. Instants are seconds since 1970."""
        state, opening = self._state, self._state.opening
        if opening is None:
            return {"session": self.address.id, "state": "new"}
        where, agent = state.routing, state.routing.serving
        return {
            "session": self.address.id,
            "state": state.label(),
            "customer": opening.customer.id,
            "customer_name": opening.customer.name,
            "vip": opening.customer.vip,
            "subject": opening.subject,
            "queue": where.queue,
            "agent": agent.person.id if agent else "",
            "agent_name": agent.person.name if agent else "",
            "consulting": where.consulting.person.id if where.consulting else "",
            "joined": [person.id for person in where.joined],
            "seq": state.timeline.seq,
            "aside_seq": state.timeline.aside_seq,
            "opened_at": opening.at,
            "waiting_since": where.attempt.since
            if where.phase == "waiting" and where.attempt
            else None,
            "served_since": agent.since if agent else None,
            "last_message_at": state.timeline.last_at or None,
            "episode": where.episode,
            "reason": where.reason,
        }

    def _unopened(self, command: Command, ctx: Context) -> list[Effect]:
        """Answer for a session that does not exist (or whose opening never arrived)."""
        turn = Turn(self._state, ctx)
        if isinstance(command, MarkReceipt | Typing) and command.person.role != "customer":
            pass  # As of staff that takes no part: see `conversation.mark`.
        elif isinstance(command, _PERSONAL):
            turn.refuse(command, "unknown_session", "There is no such session.")
        elif isinstance(command, Assign):
            refusal = AssignRefused(
                session=self.address.id, episode=command.episode, offer=command.offer
            )
            turn.tell_dispatch(refusal)
        elif isinstance(command, ConfigChanged):
            self._state.config = command.config
        return turn.out

    def _answered(self, turn: Turn, command: Command) -> bool:
        """Answer a command whose client id is known already (M2)."""
        if not isinstance(command, _REPEATABLE) or not command.client_id:
            return False
        answers = self._state.timeline.answers
        known = answers.get(sender_key(command.person, command.client_id))
        if known is None:
            return False
        if known[1] == of_command(command):
            turn.soft(known[0], command.conn)
        else:
            turn.refuse(command, "conflict", "This client_id was used already.")
        return True


def _run(t: Turn, command: Command) -> None:
    match command:
        case OpenSession():
            open_session(t, command)
        case Attach():
            attaching.attach(t, command)
        case Detach(conn=conn):
            attaching.detach(t, conn)
        case Recall():
            conversation.recall(t, command)
        case MarkReceipt():
            conversation.mark(t, command)
        case Typing():
            conversation.typing(t, command)
        case EndSession():
            closing.end(t, command)
        case Rate():
            closing.rate(t, command)
        case FinishWrapUp():
            closing.finish_wrap_up(t, command)
        case Transfer():
            transfers.transfer(t, command)
        case CompleteTransfer():
            transfers.complete(t, command)
        case CancelTransfer():
            transfers.cancel(t, command)
        case Join():
            supervision.join(t, command)
        case LeaveSession():
            supervision.leave(t, command)
        case TakeOver():
            supervision.take_over(t, command)
        case _:
            _run_told(t, command)


def _run_told(t: Turn, command: Command) -> None:
    """Run what other actors and the host say."""
    match command:
        case EnqueueRefused():
            routing.refused(t, command)
        case QueueTimedOut():
            routing.timed_out(t, command)
        case Overflowed():
            routing.overflowed(t, command)
        case PositionChanged():
            routing.placed(t, command)
        case ContactOffered():
            routing.offered(t, command)
        case OfferLapsed():
            routing.lapsed(t, command)
        case Assign():
            routing.assign(t, command)
        case AgentLost():
            routing.agent_lost(t, command)
        case ConfigChanged(config=config):
            t.s.config = config
            supervision.reconfigured(t)
        case GatewayGone(gateway=gateway):
            attaching.gateway_gone(t, gateway)
        case Tick():
            timers.tick(t)
        case _:
            raise TypeError(f"not a session's command: {type(command).__name__}")
