from __future__ import annotations

from typing import Any, get_args

import pytest

from actors.effects import Refuse
from actors.messages import (
    AgentLost,
    Announce,
    Attach,
    ConfigChanged,
    Detach,
    EnqueueRefused,
    GatewayGone,
    MarkReceipt,
    OfferLapsed,
    Say,
    Tick,
    Typing,
)
from actors.session.fingerprints import Repeatable
from tests.support.machines import of
from tests.support.sessions import CUSTOMER, ME, PHONE, Story, talking, text, with_queue

PERSONAL = [Attach, Say, MarkReceipt, Typing, *get_args(Repeatable)]


@pytest.mark.parametrize("kind", PERSONAL)
def test_a_session_nobody_opened_is_unknown(kind: Any) -> None:
    story = Story()
    fields = {"body": text("hi")} if kind is Say else {}
    fields |= {"seq": 1} if "seq" in kind.__struct_fields__ else {}  # type: ignore[dict-item]
    fields |= {"score": 1} if "score" in kind.__struct_fields__ else {}  # type: ignore[dict-item]
    effects = story.does(kind, CUSTOMER, **fields)
    assert [effect.code for effect in of(effects, Refuse)] == ["unknown_session"]
    assert not story.machine.live()


@pytest.mark.parametrize(
    "command",
    [
        Tick(),
        Detach(conn=PHONE),
        GatewayGone(gateway="g1"),
        EnqueueRefused(episode=1, reason="queue_full"),
        OfferLapsed(episode=1, offer="o1", outcome="missed"),
        AgentLost(agent="ann", session=ME.id, episode=1),
    ],
)
def test_words_for_a_session_nobody_opened_are_ignored(command: Any) -> None:
    assert Story().send(command) == []


def test_settings_reach_a_session_before_it_opens() -> None:
    story = Story()
    story.send(ConfigChanged(config=with_queue("sales", abandon_after_s=5.0)))
    story.opens(conn=None)
    assert story.machine.deadline() == story.ctx.now + 5


def test_a_command_that_cannot_be_is_a_defect() -> None:
    with pytest.raises(TypeError, match="Announce"):
        talking().send(Announce())


def test_a_session_is_live_until_closed() -> None:
    story = talking()
    assert story.machine.live()
    story.ends(CUSTOMER)
    assert story.machine.live()
    story.advance(60)
    assert not story.machine.live()


def test_a_restart_tells_nobody_anything() -> None:
    assert talking().crash() == []


def test_the_summary_survives_a_restart_and_is_plain() -> None:
    story = talking()
    story.says(CUSTOMER, "hello")
    before = story.machine.summary()
    story.crash()
    assert story.machine.summary() == before
    assert all(isinstance(v, str | int | float | list | None) for v in before.values())
