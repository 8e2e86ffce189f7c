"""An agent's, leader's or bot's device."""

from __future__ import annotations

import asyncio
from typing import Literal

from actors.frames import Ack, AgentFrame
from serve import wire
from serve.client.customer import as_body
from serve.client.device import Device
from serve.client.happenings import ClientEvent


class AgentClient(Device):
    """Takes offers and serves sessions. `state` is the last snapshot of the agent, None before."""

    state: AgentFrame | None = None

    def set_status(
        self, status: Literal["available", "break", "offline"], reason: str = ""
    ) -> asyncio.Future[Ack]:
        """Change the agent's status (of all its devices)."""
        return self.send(wire.Status(status=status, reason=reason, client_id=self.new_client_id()))

    def accept(self, offer: str) -> asyncio.Future[Ack]:
        """Take an offer; `offer_expired` if it is gone."""
        return self.send(wire.Accept(offer=offer, client_id=self.new_client_id()))

    def decline(self, offer: str) -> asyncio.Future[Ack]:
        """Leave an offer to somebody else."""
        return self.send(wire.Decline(offer=offer, client_id=self.new_client_id()))

    def say(
        self,
        session: str,
        what: str | wire.WireBody,
        *,
        aside: bool = False,
        left: wire.LeftWire | None = None,
        client_id: str = "",
    ) -> asyncio.Future[Ack]:
        """Send a text or any body; `aside` is seen by staff only. `left`: see `SayFrame`."""
        return self.send(
            wire.SayFrame(
                session=session,
                client_id=client_id or self.new_client_id(),
                body=as_body(what),
                aside=aside,
                left=left,
            )
        )

    def whisper(self, session: str, what: str) -> asyncio.Future[Ack]:
        """Say something to the serving agent that the customer does not see."""
        return self.say(session, what, aside=True)

    def recall(self, session: str, seq: int) -> asyncio.Future[Ack]:
        """Take back the own message at `seq`, within two minutes."""
        return self.send(wire.RecallFrame(session=session, client_id=self.new_client_id(), seq=seq))

    def end(self, session: str) -> asyncio.Future[Ack]:
        """End the conversation."""
        return self.send(wire.End(session=session, client_id=self.new_client_id()))

    def wrap_up(self, session: str, disposition: str = "", note: str = "") -> asyncio.Future[Ack]:
        """Give the result code: frees the slot."""
        return self.send(
            wire.WrapUp(
                session=session,
                client_id=self.new_client_id(),
                disposition=disposition,
                note=note,
            )
        )

    def transfer(
        self,
        session: str,
        *,
        agent: str = "",
        queue: str = "",
        note: str = "",
        warm: bool = False,
        stay: bool = False,
        client_id: str = "",
    ) -> asyncio.Future[Ack]:
        """Hand the session to exactly one of an agent or a queue; `warm` consults first, `stay`
        serves on until somebody of the queue accepts."""
        return self.send(
            wire.TransferFrame(
                session=session,
                client_id=client_id or self.new_client_id(),
                agent=agent,
                queue=queue,
                note=note,
                warm=warm,
                stay=stay,
            )
        )

    def complete_transfer(self, session: str) -> asyncio.Future[Ack]:
        """Warm transfer: the consulted agent takes over now."""
        return self.send(
            wire.CompleteTransferFrame(session=session, client_id=self.new_client_id())
        )

    def cancel_transfer(self, session: str) -> asyncio.Future[Ack]:
        """Withdraw a transfer that is not answered, or end the consultation."""
        return self.send(wire.CancelTransferFrame(session=session, client_id=self.new_client_id()))

    def watch(self, session: str) -> asyncio.Future[Ack]:
        """Leader: follow a session unseen; goes on after reconnects until `leave`."""
        return self.send(
            wire.Watch(
                session=session,
                client_id=self.new_client_id(),
                cursor=self._core.cursor(session),
            )
        )

    def join(self, session: str) -> asyncio.Future[Ack]:
        """Leader: take part in the conversation, seen by the customer."""
        return self.send(wire.JoinFrame(session=session, client_id=self.new_client_id()))

    def leave(self, session: str) -> asyncio.Future[Ack]:
        """Leader: stop watching, or leave a session joined."""
        return self.send(wire.Leave(session=session, client_id=self.new_client_id()))

    def take_over(self, session: str) -> asyncio.Future[Ack]:
        """Leader: become the serving agent."""
        return self.send(wire.TakeOverFrame(session=session, client_id=self.new_client_id()))

    def _notice(self, event: ClientEvent) -> None:
        if isinstance(event, AgentFrame):
            self.state = event
