"""The thin asyncio shell around the pure core: sockets, timers and futures, no decisions."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Literal, Self

from websockets.exceptions import WebSocketException

from actors.frames import Ack, Error, Welcome
from serve import wire
from serve.client.commands import Command
from serve.client.core import Core
from serve.client.happenings import (
    ClientEvent,
    CommandRefused,
    CommandTimedOut,
    ConnectionRefused,
)
from serve.client.options import Counts, Options
from serve.client.socket_door import Socket, Text, is_forbidden, open_socket
from serve.client.unacked import Acked, Outcome

TokenSource = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that makes a fresh one; it is asked before every connection."""
logger = logging.getLogger("raydesk.client")


class Device:
    """One device of a customer or an agent: connects, stays connected, and tells what happens.

    Every command returns a future: it resolves to the `Ack` when the command is durable, or raises
    `CommandRefused` or `CommandTimedOut`. Cancelling it stops the waiting, not the command. Events
    come from `events()`, or, cheaper, to `on_event`, which must not block. Use one or the other.

    Args:
        url: of the gateway's socket, `ws://` or `wss://`.
        token: the visitor or access token, or a function that fetches a fresh one.
        on_event: called with every event in place of `events()`.
        origin: sent as `Origin`; a program needs none.
        proxy: as in `websockets.connect`: True takes the environment's.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource,
        *,
        on_event: Callable[[ClientEvent], None] | None = None,
        options: Options | None = None,
        device: str = "",
        origin: str | None = None,
        proxy: str | Literal[True] | None = True,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._token = token
        self._on_event = on_event
        self._origin = origin
        self._proxy: str | Literal[True] | None = proxy
        self._options = options or Options()
        self._core = Core(
            self._options,
            dice=dice,
            name=secrets.token_hex(6),
            device=device,
            notice=self._notice,
        )
        self._loop: asyncio.AbstractEventLoop
        self._socket: Socket | None = None
        self._opener: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._futures: dict[str, asyncio.Future[Ack]] = {}
        self._welcomed: asyncio.Future[Welcome] | None = None
        self._news = asyncio.Event()
        self._telling = False
        self._last_reason = ""
        self._closed = False

    # --- life ------------------------------------------------------------------------------

    async def connect(self, timeout_s: float = 30.0) -> Welcome:
        """Connect, trying again until `timeout_s` is over; afterwards stay connected until `close`.

        Raises:
            ConnectionRefused: the server will not have this device.
            TimeoutError: no welcome in time; the last failure is in its text.
        """
        self._loop = asyncio.get_running_loop()
        self._welcomed = self._loop.create_future()
        self._opener = self._loop.create_task(self._open_until_open())
        try:
            async with asyncio.timeout(timeout_s):
                return await self._welcomed
        except TimeoutError as error:
            await self.close()
            raise TimeoutError(f"no welcome within {timeout_s} s: {self._last_reason}") from error
        except ConnectionRefused:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave. Commands under way raise `CommandTimedOut`; the iterator of events ends."""
        if self._closed:
            return
        self._closed = True
        self._core.close()
        self._pump()
        if self._timer is not None:
            self._timer.cancel()
        if self._opener is not None:
            self._opener.cancel()
            await asyncio.gather(self._opener, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        self._news.set()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def listen(self, on_event: Callable[[ClientEvent], None]) -> None:
        """Give every event from now on to `on_event`, in place of `events()`."""
        self._on_event = on_event

    # --- use -------------------------------------------------------------------------------

    @property
    def welcome(self) -> Welcome | None:
        """The present connection's welcome; None while there is none."""
        return self._core.welcome

    @property
    def counts(self) -> Counts:
        """Reconnects, hidden repeats, gaps and resends of this device so far."""
        return self._core.counts

    async def events(self) -> AsyncIterator[ClientEvent]:
        """Yield what happens, in order and without repeats, until the device is closed."""
        while True:
            self._news.clear()
            event = self._core.pop_event()
            if event is not None:
                if self._core.hang_up:
                    self._pump()
                yield event
            elif self._closed or self._core.final:
                return
            else:
                await self._news.wait()

    def send(self, command: Command) -> asyncio.Future[Ack]:
        """Send any command of the wire; the methods with names are easier."""
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Ack] = self._loop.create_future()
        if self._closed or self._core.final:
            future.set_exception(CommandTimedOut("The device is closed."))
            return future
        try:
            self._core.command(command, self._loop.time())
        except CommandRefused as error:
            future.set_exception(error)
            return future
        self._futures[command.client_id] = future
        self._pump()
        return future

    def typing(self, session: str, preview: str = "") -> None:
        """Show that this side types. `preview`: a customer's unsent text, for the agent."""
        self._core.typing(session, preview, self._loop.time())
        self._pump()

    def mention(self, frame: wire.Suggest | wire.Used) -> None:
        """Send a frame that nobody answers: what a customer types, what an agent used."""
        self._core.mention(frame)
        self._pump()

    def read(self, session: str, upto: int | None = None) -> None:
        """Tell that everything up to the seq (default: all that came) was read."""
        self._core.read(session, self._loop.time(), upto)
        self._pump()

    def new_client_id(self) -> str:
        """Return an id for a command, unique to it."""
        return self._core.new_client_id()

    # --- the shell -------------------------------------------------------------------------

    def _notice(self, event: ClientEvent) -> None:
        """Let a kind of device keep what it needs of a soft event, taken by the program or not."""

    def _pump(self) -> None:
        """Carry out what the core wants; called after everything it was fed."""
        core = self._core
        if core.outbox:
            texts, core.outbox = core.outbox, []
            if self._socket is not None:
                self._socket.write(texts)
        if core.settled:
            settled, core.settled = core.settled, []
            for outcome in settled:
                self._settle(outcome)
        if core.events:
            self._tell()
        if core.hang_up and self._socket is not None:
            self._last_reason = core.hang_up
            self._socket.cut()
        self._arm()

    def _tell(self) -> None:
        self._watch_first_welcome()
        if self._on_event is None:
            self._news.set()
        elif not self._telling:  # a command sent from within `on_event` comes back here
            self._telling = True
            while (event := self._core.pop_event()) is not None:
                self._call(self._on_event, event)
            self._telling = False

    def _call(self, on_event: Callable[[ClientEvent], None], event: ClientEvent) -> None:
        try:
            on_event(event)
        except Exception:
            logger.exception("client.on_event_failed")

    def _watch_first_welcome(self) -> None:
        waiting = self._welcomed
        if waiting is None or waiting.done():
            return
        if self._core.final is not None:
            waiting.set_exception(self._core.final)
        elif self._core.welcome is not None:
            waiting.set_result(self._core.welcome)

    def _settle(self, outcome: Outcome) -> None:
        future = self._futures.pop(outcome.client_id, None)
        if future is None or future.done():
            return
        if isinstance(outcome, Acked):
            future.set_result(outcome.ack)
        elif outcome.code is None:
            future.set_exception(CommandTimedOut(outcome.detail))
        else:
            future.set_exception(CommandRefused(outcome.code, outcome.detail))

    def _arm(self) -> None:
        """Have one timer, never later than the core's deadline; early ones do nothing."""
        at = None if self._closed else self._core.deadline()
        if at is None or (self._timer is not None and self._timer.when() <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._core.tick(self._loop.time())
        self._pump()

    def _on_text(self, text: Text) -> None:
        self._core.received(text, self._loop.time())
        self._pump()

    def _on_lost(self, reason: str) -> None:
        self._socket = None
        if self._closed:
            return
        self._lose(self._core.hang_up or reason)
        if self._core.final is None:
            self._opener = self._loop.create_task(self._open_until_open())

    def _lose(self, reason: str) -> None:
        self._last_reason = reason
        self._core.lost(reason, self._loop.time())
        self._pump()

    async def _open_until_open(self) -> None:
        while self._core.final is None:
            if self._core.retry_at is not None:
                await asyncio.sleep(max(0.0, self._core.retry_at - self._loop.time()))
            try:
                token = await self._fresh_token()
                socket = await open_socket(
                    self._url,
                    origin=self._origin,
                    proxy=self._proxy,
                    timeout_s=self._options.welcome_timeout_s,
                )
            except (OSError, TimeoutError, WebSocketException, _NoTokenError) as error:
                if is_forbidden(error):
                    self._core.turned_away(Error(code="bad_token", detail=str(error)))
                self._lose(str(error) or type(error).__name__)
                continue
            self._socket = socket
            self._core.opened(token, self._loop.time())
            self._pump()
            socket.listen(self._on_text, self._on_lost)
            return

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        try:
            made = self._token()
            return await made if inspect.isawaitable(made) else made
        except Exception as error:
            raise _NoTokenError(f"no token: {error}") from error


class _NoTokenError(Exception):
    """The program's own function failed; it is asked again after the back-off."""
