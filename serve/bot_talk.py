"""One session as a bot reads it, frame by frame; pure: the shell (`serve.bots`) sends and asks.

Whatever the bot does is named after the frame it answers (`client_id`), so that a bot that died and
reads the session again does each thing once (M2). What was done already is seen in the journal, and
is not worked out again; the state behind it is read back from the bot's own messages.

A *stint* is one time of serving, known by the seq of the event that began it: an answer of the
model that was asked for in another stint is late, and dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import msgspec

from actors.frames import Event, Message, Position, SessionFrame
from actors.messages import Body
from bot import conversation as c
from bot.acts import Act, Found, HandOff, Reply
from bot.conversation import Talked, Ways
from bot.decisions import Suggestion
from bot.handoff import HandoffRules, Reason
from bot.texts import Texts

LEAVES = frozenset({"agent_lost", "closed", "wrap_up", "transferred", "taken_over"})
TAKES = frozenset({"assigned", "transferred", "taken_over"})
DEFAULT_WAYS = Ways(HandoffRules(), Texts())


@dataclass(frozen=True, slots=True)
class Deed:
    """One act under the id that makes it happen once."""

    client_id: str
    act: Act


@dataclass(frozen=True, slots=True)
class Hello:
    """Ask the model for this base's ways and hot questions."""

    session: str
    stint: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model this question. `clicked`: the suggested topic that it came from; `asked` is
    what the customer wrote."""

    session: str
    stint: int
    seq: int
    text: str
    asked: str
    clicked: str = ""
    at: float = 0.0


Step = Sequence[Deed] | Hello | Ask | None


@dataclass(slots=True)
class Talk:
    """What the bot knows of one session, and what it still has to do."""

    me: str
    session: str
    ways: Ways = DEFAULT_WAYS
    serving: bool = False
    stint: int = 0
    customer: str = ""
    begun_at: float = 0.0
    human: bool = False
    reason: str = ""
    """Of the last hand-off."""
    base: str = ""
    talked: Talked = field(default_factory=Talked)
    caught_up_at: tuple[int, int] = (0, 0)
    read: tuple[int, int] = (0, 0)
    todo: deque[tuple[str, Message | Event]] = field(default_factory=deque)
    plan: list[Deed] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    """Ids of what this bot process did itself."""
    waits_for: Hello | Ask | None = None
    greets: bool = False
    answers: str = ""
    """The key of the frame that is being answered."""
    calls: dict[str, Reason | None] = field(default_factory=dict)
    """Key of a frame in `todo` -> what in its words calls for a human; looked for once."""
    over: set[str] = field(default_factory=set)
    """Keys of frames that the journal shows as answered."""
    owes: str = ""
    """The key of a hand-off that was announced, and not seen asked for."""

    # --- what is read ----------------------------------------------------------------------

    def snapshot(self, frame: SessionFrame) -> None:
        """Frames up to `frame.seq` and `frame.aside_seq` are the past."""
        self.caught_up_at = (frame.seq, frame.aside_seq)
        self.read = (max(self.read[0], frame.from_seq), max(self.read[1], frame.aside_from_seq))
        self.customer = frame.customer.id
        self.talked = msgspec.structs.replace(self.talked, vip=frame.vip)

    def message(self, frame: Message) -> None:
        """A customer is answered; anyone else's words make that needless. Who calls for a human
        does not wait for an answer that is still being looked for."""
        self._saw(frame)
        if frame.aside or frame.recalled or frame.body is None:
            return
        if frame.from_.id == self.me:
            self._own(frame.client_id, frame.body)
        elif frame.from_.role == "customer":
            self.todo.append((str(frame.seq), frame))
            if isinstance(self.waits_for, Ask) and self._calls_human(str(frame.seq), frame):
                self.waits_for = None
        else:
            self.todo.clear()
            self.calls.clear()
            self.human = True

    def event(self, frame: Event) -> None:
        """Begin or end serving, as the event says; note what became of a hand-off."""
        self._saw(frame)
        if frame.aside:
            self._aside(frame)
        elif frame.kind in TAKES and frame.agent == self.me:
            if not self.serving:
                self._begin(frame)
        elif frame.kind in LEAVES or frame.kind == "assigned":
            self._leave(frame)
        elif frame.kind == "rated" and self.serving:
            self.todo = deque(one for one in self.todo if not _is_rating(one[1]))  # the last counts
            self.todo.append((str(frame.seq), frame))

    def place(self, frame: Position) -> None:
        """Say once where the line stands."""
        if self.serving:
            self._do(f"p{self.stint}", *c.placed(self.talked, frame.position, self.ways))

    # --- what is to be done ----------------------------------------------------------------

    def step(self) -> Step:
        """Return what to do next; None: nothing, or an answer is awaited."""
        while self.serving and self._caught_up():
            if self.plan:
                due, self.plan = self.plan, []
                self.said |= {deed.client_id for deed in due}
                return due
            if self.waits_for is not None:
                return None
            if self.owes:
                key, self.owes = self.owes, ""
                self._do(key, *c.owed(self.talked, self.ways))
            elif self.greets:
                self.waits_for = Hello(self.session, self.stint)
                return self.waits_for
            elif not self.todo:
                return None
            elif (ask := self._answer_next()) is not None:
                return ask
        return None

    def greeted(self, hello: Hello, ways: Ways | None, hot: Sequence[Suggestion]) -> bool:
        """Greet, now that the ways are known (None: they are not; ours then). False: too late."""
        if hello is not self.waits_for:
            return False
        ways = ways or self.ways
        step = c.begin(self.talked, hot, ways)
        self.ways, self.waits_for, self.greets = ways, None, False
        self.calls.clear()  # other ways, other calls
        self._do(str(self.stint), *step)
        return True

    def answered(self, ask: Ask, found: Found | None) -> bool:
        """Say what was found, None: the model failed. False: too late, nothing is said."""
        if ask is not self.waits_for:
            return False
        step = (
            c.failed(self.talked, self.ways)
            if found is None
            else c.understood(self.talked, found, self.ways)
        )
        self.waits_for = None
        self._do(self.answers, *step)
        return True

    def written(self, ask: Ask, text: str, sources: Sequence[Suggestion]) -> bool:
        """Say what a language model wrote. False: too late."""
        if ask is not self.waits_for:
            return False
        step = c.written(self.talked, text, sources, self.ways)
        self.waits_for = None
        self._do(self.answers, *step)
        return True

    def leads_to_human(self, ask: Ask) -> str:
        """Return the reason of the hand-off that answering this has planned; '': none."""
        own = f"bot-{self.session}-{ask.seq}-h"
        found = (deed.act for deed in self.plan if deed.client_id == own)
        return next((act.reason for act in found if isinstance(act, HandOff)), "")

    def hand_off_refused(self, client_id: str, reason: str) -> None:
        """The session did not take the transfer: say so and go on serving."""
        if self.serving:
            key = client_id.removeprefix(f"bot-{self.session}-")
            self._do(f"{key}r", *c.refused(self.talked, reason, self.ways))

    # --- inside ----------------------------------------------------------------------------

    def _saw(self, frame: Message | Event) -> None:
        main, aside = self.read
        self.read = (main, max(aside, frame.seq)) if frame.aside else (max(main, frame.seq), aside)

    def _caught_up(self) -> bool:
        return self.read[0] >= self.caught_up_at[0] and self.read[1] >= self.caught_up_at[1]

    def _begin(self, frame: Event) -> None:
        self.serving, self.stint = True, frame.seq
        self.begun_at = self.begun_at or frame.at
        if self.talked.waiting:  # nobody took it, and it came back
            self.todo.append((f"{frame.seq}b", frame))
            return
        texts = [m.body.text for _, m in self.todo if isinstance(m, Message) and m.body]
        self.talked = c.speaking(self.talked, " ".join(texts))
        self.greets = True

    def _leave(self, frame: Event) -> None:
        taken = bool(frame.agent) and frame.agent != self.me
        self.human = self.human or (taken and frame.kind in TAKES)
        self.serving, self.greets, self.waits_for, self.owes = False, False, None, ""
        self.plan.clear()
        self.todo.clear()
        self.calls.clear()
        if taken and frame.kind in TAKES:  # what comes back from a person is a new talk
            old = self.talked
            self.talked = Talked(lang=old.lang, lang_known=old.lang_known, vip=old.vip)

    def _aside(self, frame: Event) -> None:
        """A hand-off of ours was asked for, or has come to nothing."""
        if frame.by is None or frame.by.id != self.me:
            return
        if frame.kind == "transfer_asked":
            key = self._done(frame.client_id)
            self.owes = "" if self.owes == key else self.owes
            of_this_stint = not key.isdigit() or int(key) > self.stint
            self.talked = msgspec.structs.replace(self.talked, waiting=of_this_stint)
        elif frame.kind == "transfer_failed":
            self.talked = msgspec.structs.replace(self.talked, waiting=False, refusal=frame.reason)
            if frame.reason != "cancelled" and f"a{frame.seq}" not in self.over:
                self.todo = deque(one for one in self.todo if not one[0].endswith("b"))
                self.todo.append((f"a{frame.seq}", frame))

    def _own(self, client_id: str, body: Body) -> None:
        self.plan = [deed for deed in self.plan if deed.client_id != client_id]
        hands_off = c.says_hand_off(body.text, self.ways)
        if hands_off:
            self._skip_to(self._key(client_id))
        key = self._done(client_id)
        if client_id in self.said:
            self.said.discard(client_id)
            return
        self.owes = key if hands_off else self.owes
        if client_id == f"bot-{self.session}-{self.stint}-0":
            self.greets = False
        reply = Reply(kind=body.kind, text=body.text, title=body.title, buttons=tuple(body.buttons))
        self.talked = c.recall(self.talked, reply, self.ways)

    def _done(self, client_id: str) -> str:
        """What answers a frame was said, in this life or an earlier one; return the frame's key."""
        key = self._key(client_id)
        self.over.add(key)
        self.calls.pop(key, None)
        for known, frame in self.todo:
            if known == key and isinstance(frame, Message) and frame.body is not None:
                self.talked = c.noticed(self.talked, frame.body.kind, frame.body.text)
        self.todo = deque(one for one in self.todo if one[0] != key)
        return key

    def _key(self, client_id: str) -> str:
        return client_id.removeprefix(f"bot-{self.session}-").rpartition("-")[0]

    def _human_called(self) -> bool:
        """Tell whether a human is called further on: then what comes before is only put on record,
        because the model may take long."""
        return any(
            self._calls_human(key, frame) for key, frame in self.todo if isinstance(frame, Message)
        )

    def _calls_human(self, key: str, frame: Message) -> bool:
        if key not in self.calls:
            assert frame.body is not None
            self.calls[key] = c.reason_in(frame.body.kind, _words(frame.body), self.ways)
        reason = self.calls[key]
        return reason is not None and c.hands_off(self.talked, reason)

    def _skip_to(self, key: str) -> None:
        """A human was called with this frame: what was asked before it is on record, and no longer
        answered."""
        before = list(takewhile(lambda one: one[0] != key, self.todo))
        if len(before) == len(self.todo):
            return
        for one in before:
            if isinstance(one[1], Message) and one[1].body is not None:
                self.talked = c.noticed(self.talked, one[1].body.kind, one[1].body.text)
                self.todo.remove(one)

    def _answer_next(self) -> Ask | None:
        """Answer the next frame as far as that goes; return what the model must be asked."""
        self.answers, frame = self.todo.popleft()
        self.calls.pop(self.answers, None)
        if isinstance(frame, Event):
            self._answer_event(frame)
            return None
        return self._answer_message(frame)

    def _answer_event(self, frame: Event) -> None:
        if frame.kind == "rated":
            self._do(self.answers, *c.rated(self.talked, frame.score, self.ways))
        else:
            self._do(self.answers, *c.refused(self.talked, frame.reason, self.ways))

    def _answer_message(self, frame: Message) -> Ask | None:
        assert frame.body is not None
        text = _words(frame.body)
        told = c.heard(self.talked, frame.body.kind, text, self.ways)
        self._do(self.answers, told.talked, told.acts)
        if not told.question or self._human_called():
            return None
        ask = Ask(self.session, self.stint, frame.seq, told.question, text, told.clicked, frame.at)
        self.waits_for = ask
        return ask

    def _do(self, key: str, talked: Talked, acts: Sequence[Act]) -> None:
        self.talked = talked
        for index, act in enumerate(acts):
            last = "h" if isinstance(act, HandOff) else str(index)
            if isinstance(act, HandOff):
                self.reason = act.reason
            self.plan.append(Deed(f"bot-{self.session}-{key}-{last}", act))


def _words(body: Body) -> str:
    return body.text or body.title or body.name


def _is_rating(frame: Message | Event) -> bool:
    return isinstance(frame, Event) and frame.kind == "rated"
