"""A customer's `start`: one session at a time, however many devices, tabs and repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from actors import messages as m
from actors.addresses import Address
from actors.frames import Ack, encode_frame
from actors.messages import Envelope
from bot.outcomes import SessionOutcome
from serve.doors import Current
from serve.gateway.connection import Asked, Connection, error_frame
from serve.gateway.following import Following, Snapshot
from serve.gateway.table import Table
from serve.gateway.world import World
from serve.wire import Start

log = structlog.get_logger()

RETURN_S = 24 * 3600.0
"""Who asks again within this time after a bot served alone was not helped (`docs/knowledge.md`)."""
TRIES = 2
"""A claim that turns out to be a session closed a moment ago is given up once."""


class Starting:
    """Claims a session id (set if absent), opens it, and answers when that is durable.

    Repeating `start`, from any device, leads to the same session: the claim decides, and opening a
    session that exists does nothing.
    """

    def __init__(self, world: World, following: Following, table: Table) -> None:
        self._world = world
        self._following = following
        self._table = table
        self._tasks: set[asyncio.Task[None]] = set()
        self._claiming: set[tuple[int, str]] = set()

    def start(self, connection: Connection, frame: Start) -> None:
        """Begin; the answer is `ack` with the session, or an error with the client id."""
        key = (connection.number, frame.client_id)
        if key not in self._claiming:
            self._claiming.add(key)
            self._spawn(self._open(connection, Asked(frame, TRIES)))

    def passes(self, connection: Connection, seen: Snapshot) -> bool:
        """Tell whether a session frame may reach its socket. Not when it shows a closed session to
        somebody who asked for a new one: then the next try is under way."""
        asked = connection.starting.get(seen.session)
        if not asked or seen.state != "closed" or asked[0].tries <= 1:
            return True
        del connection.starting[seen.session]
        connection.attached.pop(seen.session, None)
        self._spawn(self._reopen(connection, seen.session, asked))
        return False

    def answer(self, connection: Connection, session: str) -> None:
        """Ack every start that the session's frame has just answered."""
        for asked in connection.starting.pop(session, ()):
            connection.push(encode_frame(Ack(client_id=asked.frame.client_id, session=session)))

    def failed(self, connection: Connection, session: str) -> str:
        """An error came for that session: return the client id of the start it answers, or ''."""
        asked = connection.starting.pop(session, None)
        return asked[0].frame.client_id if asked else ""

    async def stop(self) -> None:
        """Cancel what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reopen(self, connection: Connection, closed: str, asked: list[Asked]) -> None:
        for one in asked:
            await self._open(connection, Asked(one.frame, one.tries - 1), closed)

    async def _open(self, connection: Connection, asked: Asked, closed: str = "") -> None:
        client_id = asked.frame.client_id
        try:
            current, session = await self._claim(connection, closed)
        except Exception as error:  # noqa: BLE001 # whatever a store raises, the customer is told
            log.warning("start.failed", org=connection.identity.org, error=repr(error))
            detail = "The session cannot be opened just now: send start again."
            connection.push(error_frame("overloaded", detail, client_id=client_id, retry_s=1.0))
            return
        finally:
            self._claiming.discard((connection.number, client_id))
        if connection.is_open:
            connection.starting.setdefault(session, []).append(asked)
            self._send(connection, asked.frame, session, current)

    async def _claim(self, connection: Connection, closed: str) -> tuple[Current, str]:
        identity, customers = connection.identity, self._world.customers
        if closed:
            await customers.forget(identity.org, identity.subject, closed)
        current = await customers.current(identity.org, identity.subject)
        session = current.session or await customers.claim(
            identity.org, identity.subject, self._world.new_id()
        )
        self._note_return(identity.org, session, current)
        return current, session

    def _note_return(self, org: str, session: str, current: Current) -> None:
        """Tell the report of a customer who is back after a bot served alone: it was no solution.
        May be told twice."""
        before, world = current.bot_session, self._world
        within = world.wall() - current.bot_ended_at <= RETURN_S
        if world.outcomes is None or not before or before == session or not within:
            return
        if not world.outcomes.put(SessionOutcome(org=org, id=before, returned=True)):
            world.metrics.add("outcomes_dropped_total", org=org)

    def _send(self, connection: Connection, frame: Start, session: str, current: Current) -> None:
        """Open and follow the session, on this socket and the customer's others here.

        Opening lets the socket in; only one that is in already, or has frames, must ask apart.
        """
        identity = connection.identity
        command = m.OpenSession(
            conn=connection.conn,
            customer=identity.customer(connection.ip),
            queue=frame.queue,
            subject=frame.subject,
            needs=frame.needs,
            last_agent=current.last_agent,
            last_ended_at=current.last_ended_at,
            last_session=current.last_session,
            last_decision=current.last_decision,
        )
        self._world.fabric.send(Envelope(Address("session", identity.org, session), command))
        known = session in connection.attached or connection.cursors.of(session).seq
        if known:
            self._following.attach(connection, session)
        connection.attached.setdefault(session, False)
        for mate in self._table.of_person(connection):
            if session not in mate.attached:
                self._following.attach(mate, session)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
