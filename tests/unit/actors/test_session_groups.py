"""Leaders see and do nothing outside of their own groups: there, a session does not exist."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.config import OrgConfig, RoleConfig
from actors.effects import Refuse
from actors.frames import Detached, Event
from actors.messages import (
    Attach,
    CancelTransfer,
    CompleteTransfer,
    ConfigChanged,
    EndSession,
    FinishWrapUp,
    Join,
    LeaveSession,
    MarkReceipt,
    Rate,
    Recall,
    Say,
    TakeOver,
    Transfer,
    Typing,
)
from tests.support.sessions import ANN, CONFIG, CUSTOMER, LEA, LEA_PC, Story, talking, text

COMMANDS: list[tuple[type, dict[str, Any]]] = [
    (Attach, {}),
    (Attach, {"watch": True}),
    (Say, {"body": text("hello")}),
    (Say, {"body": text("psst"), "aside": True}),
    (Recall, {"seq": 1}),
    (MarkReceipt, {"read": 1}),
    (Typing, {}),
    (EndSession, {}),
    (Rate, {"score": 5}),
    (FinishWrapUp, {}),
    (Transfer, {"agent": "ben"}),
    (CompleteTransfer, {}),
    (CancelTransfer, {}),
    (Join, {}),
    (LeaveSession, {}),
    (TakeOver, {}),
]


def grouped(lea: str = "south", **more: Any) -> OrgConfig:
    """Return the organisation in two groups; `sales` is the north's."""
    agents = {
        key: msgspec.structs.replace(agent, groups=[lea if key == "lea" else "north"])
        for key, agent in CONFIG.agents.items()
    }
    queues = {
        "sales": msgspec.structs.replace(CONFIG.queues["sales"], groups=["north"]),
        "support": msgspec.structs.replace(CONFIG.queues["support"], groups=["south"]),
    }
    whole = {"agents": agents, "queues": CONFIG.queues | queues, **more}
    return msgspec.structs.replace(CONFIG, **whole)


def answers(story: Story, kind: type, fields: dict[str, Any]) -> list[Any]:
    effects = story.does(kind, LEA, **{"client_id": "c"} | fields if _named(kind) else fields)
    return [(e.code, e.detail, e.client_id) if isinstance(e, Refuse) else e for e in effects]


def _named(kind: type) -> bool:
    return "client_id" in kind.__struct_fields__


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(("kind", "fields"), COMMANDS)
def test_another_groups_session_answers_as_none_would(
    kind: type, fields: dict[str, Any], ended: bool
) -> None:
    story = talking(grouped())
    if ended:
        story.ends(CUSTOMER)
        story.advance(600)
    assert answers(story, kind, fields) == answers(Story(grouped()), kind, fields)
    assert story.frames(LEA_PC, Event) == []


@pytest.mark.parametrize("kind", [Join, TakeOver])
def test_in_her_own_group_she_leads(kind: type) -> None:
    story = talking(grouped("north"))
    story.does(kind, LEA)
    assert story.refusals() == []


def test_the_serving_agents_group_counts_too() -> None:
    config = grouped()
    ann = msgspec.structs.replace(config.agents["ann"], groups=["south"])
    story = talking(msgspec.structs.replace(config, agents=config.agents | {"ann": ann}))
    story.does(Join, LEA)
    assert story.refusals() == []


def test_a_watcher_is_let_go_when_the_session_leaves_the_group() -> None:
    story = talking(grouped("north"))
    story.attached(LEA, watch=True)
    story.transfers(ANN, queue="support")
    assert story.frames(LEA_PC)[-1] == Detached(session="77", reason="left")
    seen = len(story.frames(LEA_PC))
    story.says(CUSTOMER, "are you there?")
    assert len(story.frames(LEA_PC)) == seen


def test_a_watcher_is_let_go_when_her_groups_change() -> None:
    story = talking(grouped("north"))
    story.attached(LEA, watch=True)
    story.send(ConfigChanged(config=grouped("south")))
    assert story.frames(LEA_PC)[-1] == Detached(session="77", reason="left")


def test_who_has_joined_leaves_when_the_role_allows_it_no_more() -> None:
    story = talking(grouped("north"))
    story.does(Join, LEA)
    agents = dict(grouped("north").agents)
    agents["lea"] = msgspec.structs.replace(agents["lea"], role="agent")
    story.send(ConfigChanged(config=grouped("north", agents=agents)))
    assert story.events()[-1] == "left"
    assert story.machine.summary()["joined"] == []
    story.says(LEA, "still here?")
    assert story.refusals() == ["not_your_session"]


def test_a_role_of_ones_own_holds_what_it_names() -> None:
    role = RoleConfig(id="coach", name="Coach", permissions=["sessions:watch", "sessions:whisper"])
    agents = dict(CONFIG.agents)
    agents["lea"] = msgspec.structs.replace(agents["lea"], role="coach")
    story = talking(msgspec.structs.replace(CONFIG, agents=agents, roles={"coach": role}))
    story.attached(LEA, watch=True)
    story.says(LEA, "be kind", aside=True)
    assert story.refusals() == []
    for kind in (Join, TakeOver):
        story.does(kind, LEA)
    assert story.refusals() == ["forbidden", "forbidden"]
