"""A customer's device."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from actors.frames import Ack, SessionFrame
from serve import wire
from serve.client.device import Device
from serve.client.happenings import ClientEvent, Connected


class CustomerClient(Device):
    """Asks for help and talks. `session` is the current session's id, empty before `start`."""

    session: str = ""

    def start(
        self, *, queue: str = "", subject: str = "", needs: Mapping[str, int] | None = None
    ) -> asyncio.Future[Ack]:
        """Ask for help; the ack names the session (a new one, or the one already open)."""
        future = self.send(
            wire.Start(
                client_id=self.new_client_id(),
                queue=queue,
                subject=subject,
                needs=dict(needs or {}),
            )
        )
        future.add_done_callback(self._started)
        return future

    def say(self, what: str | wire.WireBody, *, client_id: str = "") -> asyncio.Future[Ack]:
        """Send a text, or any body (image, file, card)."""
        return self.send(
            wire.SayFrame(
                session=self.session,
                client_id=client_id or self.new_client_id(),
                body=as_body(what),
            )
        )

    def recall(self, seq: int) -> asyncio.Future[Ack]:
        """Take back the own message at `seq`, within two minutes."""
        return self.send(
            wire.RecallFrame(session=self.session, client_id=self.new_client_id(), seq=seq)
        )

    def end(self) -> asyncio.Future[Ack]:
        """End the conversation."""
        return self.send(wire.End(session=self.session, client_id=self.new_client_id()))

    def rate(self, score: int, comment: str = "") -> asyncio.Future[Ack]:
        """Answer the survey, 1 (bad) to 5; the last answer counts."""
        return self.send(
            wire.RateFrame(
                session=self.session,
                client_id=self.new_client_id(),
                score=score,
                comment=comment,
            )
        )

    def _started(self, future: asyncio.Future[Ack]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.session = future.result().session

    def _notice(self, event: ClientEvent) -> None:
        match event:
            case Connected(welcome=welcome) if welcome.session:
                self.session = welcome.session
            case SessionFrame(session=session, you="customer") if not self.session:
                self.session = session
            case _:
                pass


def as_body(what: str | wire.WireBody) -> wire.WireBody:
    """Return the body of a text, or the body itself."""
    return wire.WireBody(kind="text", text=what) if isinstance(what, str) else what
