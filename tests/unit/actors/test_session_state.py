from __future__ import annotations

from actors.effects import Put
from actors.messages import ConfigChanged, FinishWrapUp
from actors.session.state import Receipts, State
from tests.support.machines import of
from tests.support.sessions import ANN, CONFIG, CUSTOMER, ME, Story, talking, with_queue


def test_only_replaced_records_are_put() -> None:
    state = State(ME, CONFIG)
    assert state.changes() == []
    state.receipts = Receipts()
    assert [put.field for put in of(state.changes(), Put)] == ["receipts"]
    assert state.changes() == []


def test_a_load_gives_back_what_was_put() -> None:
    state = State(ME, CONFIG)
    state.set_routing(phase="waiting", queue="sales", episode=3)
    records = {put.field: put.value for put in of(state.changes(), Put)}
    other = State(ME, CONFIG)
    other.load(records)
    assert other.routing == state.routing
    assert other.changes() == [], "what was just loaded is not written again"


def test_the_states_are_those_of_the_design() -> None:
    story = Story()
    seen = [story.state]
    story.opens()
    seen.append(story.state)
    story.assigned("ann")
    seen.append(story.state)
    story.ends(CUSTOMER)
    seen.append(story.state)
    story.does(FinishWrapUp, ANN)
    seen.append(story.state)
    assert seen == ["new", "waiting", "talking", "wrap-up", "closed"]


def test_new_settings_count_at_once() -> None:
    story = talking()
    story.says(ANN, "hello?")
    start = story.ctx.now
    story.send(ConfigChanged(config=with_queue("sales", idle_warn_s=10.0)))
    assert story.machine.deadline() == start + 10


def test_a_deleted_queue_leaves_the_timers_running() -> None:
    state = State(ME, CONFIG)
    state.set_routing(queue="gone")
    assert state.queue().idle_warn_s == 120.0
