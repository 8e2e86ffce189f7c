"""The whole behaviour of a client device, without a socket, a clock or a task.

It is fed (`opened`, `received`, `lost`, `command`, `tick`) and drained (`outbox`, `settled`,
`events`, `hang_up`, `deadline`). Instants are seconds of one monotonic clock. Nothing survives the
process: a new one starts without cursors and is sent everything from the start of each session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from actors import frames
from actors.frames import JournalFrame, SessionFrame
from serve import wire
from serve.client.backoff import spread_s
from serve.client.commands import Command, encode_command
from serve.client.courtesies import Courtesies
from serve.client.decoding import ServerFrame, decode_frames
from serve.client.happenings import (
    ClientEvent,
    CommandRefused,
    Connected,
    ConnectionRefused,
    Disconnected,
    Reset,
)
from serve.client.options import Counts, Options
from serve.client.timelines import Arrival, Timelines
from serve.client.unacked import UNACKED_N, Outcome, Unacked

_FINAL_CODES = frozenset({"bad_token", "blacklisted", "duplicate_login", "forbidden"})
_SERVED_BY = frozenset({"assigned", "transferred", "taken_over"})
_OFFERS_N = 1000
_encode = msgspec.json.Encoder().encode


class Core:
    """One device. `dice` returns numbers uniform in [0, 1); `name` makes its client ids unique;
    `notice` is shown every soft event at once, taken or not by the program."""

    def __init__(
        self,
        options: Options,
        *,
        dice: Callable[[], float],
        name: str,
        device: str = "",
        notice: Callable[[ClientEvent], None] = lambda _: None,
    ) -> None:
        self.events: deque[ClientEvent] = deque()
        self.outbox: list[bytes] = []
        self.settled: list[Outcome] = []
        self.hang_up = ""
        """A reason to close the socket now; the shell then calls `lost`."""
        self.retry_at: float | None = None
        """When to connect again, while there is no socket."""
        self.final: ConnectionRefused | None = None
        """Set when the server will not have this device: do not connect again."""
        self.welcome: frames.Welcome | None = None
        """Of the present connection; None while there is none."""
        self.counts = Counts()
        self._options = options
        self._dice = dice
        self._name = name
        self._device = device
        self._notice = notice
        self._command_n = 0
        self._timelines = Timelines()
        self._unacked = Unacked(
            ack_timeout_s=options.ack_timeout_s,
            give_up_s=options.give_up_s,
            backoff=options.backoff,
        )
        self._courtesies = Courtesies(options.receipt_every_s)
        self._followed: set[str] = set()
        self._follow_commands: dict[str, Command] = {}
        self._offers: dict[str, None] = {}
        self._ever_welcomed = False
        self._bad_token_n = 0
        self._attempt = 0
        self._told_retry_s = 0.0
        self._opened_at: float | None = None
        self._welcomed_at = 0.0
        self._heard_at = 0.0
        self._pinged = False
        self._starved = False

    # --- fed by the shell: the connection ------------------------------------------------

    def opened(self, token: str, now: float) -> None:
        """A socket is open: say hello with everything this device has."""
        self.retry_at = None
        self.hang_up = ""
        self._opened_at = self._heard_at = now
        self._pinged = False
        self._starved = False
        self._post(
            wire.Hello(
                token=token,
                cursors=self._timelines.cursors(),
                batch=self._options.batch,
                device=self._device,
            )
        )

    def received(self, data: bytes | bytearray | memoryview, now: float) -> None:
        """Take one WebSocket message: a frame or an array of frames."""
        self._heard_at = now
        self._pinged = False
        try:
            received = decode_frames(data)
        except msgspec.DecodeError as error:
            self.hang_up = f"the server sent no JSON: {error}"
            return
        for frame in received:
            if self.hang_up and not isinstance(frame, frames.Ack):
                continue
            self._take(frame, now)

    def lost(self, reason: str, now: float) -> None:
        """The socket is gone, or could not be opened. Sets `retry_at` unless it is final."""
        if self.welcome and now - self._welcomed_at >= self._options.stable_after_s:
            self._attempt = 0
        self.welcome = None
        self._opened_at = None
        self.hang_up = ""
        self.outbox.clear()
        self._unacked.disconnected()
        wait_s = self._options.backoff.delay_s(self._attempt, self._dice())
        wait_s = max(wait_s, spread_s(self._told_retry_s, self._dice()))
        self._attempt += 1
        self._told_retry_s = 0.0
        if self.final:
            self.settled += self._unacked.abandon(self.final.detail)
            self.retry_at = None
            self._emit(Disconnected(str(self.final), final=True))
        else:
            self.retry_at = now + wait_s
            self._emit(Disconnected(reason, retry_in_s=wait_s))

    def turned_away(self, error: frames.Error) -> None:
        """The server refused this device. A token may have run out: a fresh one is tried once."""
        self.hang_up = error.code
        self._bad_token_n += error.code == "bad_token"
        if error.code != "bad_token" or self._bad_token_n > 1:
            self.final = ConnectionRefused(error.code, error.detail)

    def close(self) -> None:
        """The program is done with this device: what is under way is given up."""
        self.settled += self._unacked.abandon("the client was closed")

    # --- fed by the program ----------------------------------------------------------------

    def new_client_id(self) -> str:
        """Return an id that no other command of any device has."""
        self._command_n += 1
        return f"{self._name}-{self._command_n}"

    def cursor(self, session: str) -> wire.Cursor:
        """Return what this device has of the session."""
        return self._timelines.of(session).cursor

    def command(self, command: Command, now: float) -> None:
        """Send a command until it is answered; the answer appears in `settled`.

        Raises:
            CommandRefused: the frame breaks the wire's limits, its `client_id` is under way
                already, or too many commands are.
        """
        data = encode_command(command)
        if command.client_id in self._unacked:
            raise CommandRefused("conflict", "This client_id is under way already.")
        if len(self._unacked) >= UNACKED_N:
            raise CommandRefused("overloaded", f"{UNACKED_N} commands wait for their ack.")
        if isinstance(command, wire.SayFrame):
            self._courtesies.said(command.session)
        elif isinstance(command, wire.Watch | wire.JoinFrame | wire.TakeOverFrame | wire.Leave):
            self._follow_commands[command.client_id] = command
        self._send(command.client_id, data, now)

    def typing(self, session: str, preview: str, now: float) -> None:
        """Show that this side types; soft, at most once a second, nothing while offline."""
        frame = self._courtesies.type(session, preview, now) if self.welcome else None
        if frame is not None:
            self._post(frame)

    def mention(self, frame: wire.Suggest | wire.Used) -> None:
        """Send a frame that nobody answers, nothing while offline."""
        if self.welcome:
            self._post(frame)

    def read(self, session: str, now: float, upto: int | None = None) -> None:
        """Everything of the session up to `upto` (default: all this device has) was read."""
        timeline = self._timelines.of(session)
        seq = timeline.seq if upto is None else min(upto, timeline.seq)
        if seq > timeline.read:
            timeline.read = seq
            timeline.delivered = max(timeline.delivered, seq)
            self._courtesies.note_receipt(timeline, now)

    def pop_event(self) -> ClientEvent | None:
        """Return the oldest event; when the last is taken, frames that did not fit are fetched."""
        event = self.events.popleft() if self.events else None
        if not self.events and self._starved:
            self._starved = False
            if self.welcome:
                self.hang_up = "catching up"
        return event

    # --- time ------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Return when `tick` is next needed; None: not before something else happens."""
        instants = [self._unacked.next_due_at]
        if self.welcome:
            instants += [self._courtesies.next_due_at, self._silence_at()]
        elif self._opened_at is not None:
            instants.append(self._opened_at + self._options.welcome_timeout_s)
        return min((at for at in instants if at is not None), default=None)

    def tick(self, now: float) -> None:
        """Do what is due: resend, give up, receipts, ping, or declare the connection dead."""
        resend, over, dead = self._unacked.due(now)
        self.outbox += resend
        self.counts.resent += len(resend)
        self.settled += over
        for outcome in over:
            self._follow_commands.pop(outcome.client_id, None)
        if dead:
            self.hang_up = "commands went unanswered"
        if self.welcome:
            for frame in self._courtesies.due(now):
                self._post(frame)
            self._watch_silence(now)
        elif self._opened_at is not None and now - self._opened_at >= (
            self._options.welcome_timeout_s
        ):
            self.hang_up = "no welcome"

    def _silence_at(self) -> float:
        assert self.welcome is not None
        grace_s = self._options.pong_timeout_s if self._pinged else 0.0
        return self._heard_at + self.welcome.ping_s + grace_s

    def _watch_silence(self, now: float) -> None:
        if now < self._silence_at():
            return
        if self._pinged:
            self.hang_up = "the server went silent"
        else:
            self._pinged = True
            self._post(wire.Ping())

    # --- frames ----------------------------------------------------------------------------

    def _take(self, frame: ServerFrame, now: float) -> None:
        match frame:
            case frames.Message() | frames.Event():
                self._journal(frame, now)
            case frames.Ack():
                self._ack(frame)
            case frames.Error():
                self._error(frame, now)
            case frames.SessionFrame():
                self._snapshot(frame, now)
            case frames.Welcome():
                self._welcome(frame, now)
            case frames.Pong():
                pass
            case frames.OpenOffer():
                self._offer(frame)
            case frames.AgentFrame():
                self._emit(frame)
                for offer in frame.offers:
                    self._offer(offer)
            case frames.Detached():
                self._timelines.detach(frame.session)
                self._courtesies.forget(frame.session)
                self._followed.discard(frame.session)
                self._emit(frame)
            case _:
                self._emit(frame)

    def _welcome(self, welcome: frames.Welcome, now: float) -> None:
        self.welcome = welcome
        self._welcomed_at = now
        self._bad_token_n = 0
        self._emit(Connected(welcome, again=self._ever_welcomed))
        self.counts.reconnects += self._ever_welcomed
        self._ever_welcomed = True
        unanswered = list(self._unacked.reconnected(now))
        self.counts.resent += len(unanswered)
        self.outbox += unanswered
        for session in sorted(self._followed):
            again = wire.Watch(
                session=session, client_id=self.new_client_id(), cursor=self.cursor(session)
            )
            self._follow_commands[again.client_id] = again
            self._send(again.client_id, encode_command(again), now)

    def _journal(self, frame: JournalFrame, now: float) -> None:
        if not self._has_room():
            return
        timeline = self._timelines.of(frame.session)
        match timeline.admit(frame):
            case Arrival.REPEAT:
                self.counts.repeats_hidden += 1
            case Arrival.GAP:
                self.counts.gaps += 1
                self.hang_up = "frames are missing"
            case Arrival.NEW:
                self.events.append(frame)
                me = self.welcome.you.id if self.welcome else ""
                if isinstance(frame, frames.Event):
                    if frame.agent == me and frame.kind in _SERVED_BY:
                        timeline.you = "serving"
                elif frame.from_.id != me and not frame.aside:
                    timeline.delivered = frame.seq
                    if self._options.receipts and timeline.you not in {"watching", "none"}:
                        self._courtesies.note_receipt(timeline, now)

    def _snapshot(self, frame: SessionFrame, now: float) -> None:
        if not self._has_room():
            return
        timeline = self._timelines.attach(frame.session)
        timeline.you = frame.you
        had_seq = timeline.seq
        self._emit(frame)
        if frame.reset and timeline.jump(frame):
            self._emit(Reset(frame.session, had_seq, frame.from_seq, frame.aside_from_seq))
        elif timeline.skips(frame):
            self.counts.gaps += 1
            self.hang_up = "frames are missing"
        if frame.you not in {"watching", "none"} and timeline.is_ahead_of(frame):
            self._courtesies.note_receipt(timeline, now)

    def _ack(self, ack: frames.Ack) -> None:
        outcome = self._unacked.acked(ack)
        if outcome is None:
            return
        self.settled.append(outcome)
        match self._follow_commands.pop(ack.client_id, None):
            case wire.Leave(session=session):
                self._followed.discard(session)
            case wire.JoinFrame(session=session) | wire.TakeOverFrame(session=session):
                self._timelines.of(session).you = "joined"
                self._followed.add(session)
            case wire.Watch(session=session):
                self._followed.add(session)
            case _:
                pass

    def _error(self, error: frames.Error, now: float) -> None:
        if error.client_id:
            outcome = self._unacked.refused(error, now, self._dice())
            if outcome is not None:
                self.settled.append(outcome)
                self._unfollow(error)
        elif error.code in _FINAL_CODES and (not self.welcome or error.code == "duplicate_login"):
            self.turned_away(error)
        elif not self.welcome or error.code == "bad_token":
            self._told_retry_s = error.retry_s
            self.hang_up = error.code
        else:
            self._emit(error)

    def _unfollow(self, error: frames.Error) -> None:
        command = self._follow_commands.pop(error.client_id, None)
        if isinstance(command, wire.Watch):
            self._followed.discard(command.session)

    def _offer(self, offer: frames.OpenOffer) -> None:
        """An offer comes as itself and in every snapshot: show it once."""
        if offer.offer in self._offers:
            return
        self._offers[offer.offer] = None
        if len(self._offers) > _OFFERS_N:
            del self._offers[next(iter(self._offers))]
        self._emit(offer)

    # --- drained by the shell --------------------------------------------------------------

    def _post(self, frame: wire.ClientFrame) -> None:
        self.outbox.append(_encode(frame))

    def _send(self, client_id: str, data: bytes, now: float) -> None:
        sent = self._unacked.add(client_id, data, now, online=self.welcome is not None)
        if sent is not None:
            self.outbox.append(sent)

    def _has_room(self) -> bool:
        self._starved = self._starved or len(self.events) >= self._options.events_n
        return not self._starved

    def _emit(self, event: ClientEvent) -> None:
        self._notice(event)
        if self._has_room():
            self.events.append(event)
