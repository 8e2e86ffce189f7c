"""A host's inbox."""

from __future__ import annotations

import pytest

from actors.addresses import Address
from actors.inbox import Inbox
from actors.messages import Envelope, Tick
from actors.ports import HostGoneError

ONE, TWO = (Envelope(Address("session", "acme", n), Tick()) for n in "12")


async def test_a_batch_is_answered_when_its_last_command_is_committed() -> None:
    inbox = Inbox(10)
    ticket = inbox.put([ONE, TWO])
    inbox.take(1)
    inbox.finish([])
    assert not ticket.future.done()
    inbox.take(1)
    inbox.finish([])
    assert ticket.future.done()


async def test_commands_to_run_again_come_next_and_in_order() -> None:
    inbox = Inbox(10)
    ticket = inbox.put([ONE, TWO])
    later = inbox.put([ONE])
    items = inbox.take(2)
    inbox.finish(items)
    assert not ticket.future.done()
    assert inbox.take(3)[:2] == items
    inbox.finish([])
    assert ticket.future.done()
    assert later.future.done()


async def test_nobody_waits_for_a_host_that_is_gone() -> None:
    inbox = Inbox(10)
    taken, waiting = inbox.put([ONE]), inbox.put([TWO])
    inbox.take(1)
    inbox.fail(HostGoneError("gone"))
    for ticket in (taken, waiting):
        with pytest.raises(HostGoneError):
            await ticket.future
    assert len(inbox) == 0


async def test_what_is_free_shrinks_with_every_command() -> None:
    inbox = Inbox(3)
    inbox.put([ONE, TWO])
    assert inbox.free == 1
    inbox.post([ONE, TWO])
    assert inbox.free == 0


async def test_waiting_ends_at_once_when_there_is_something() -> None:
    inbox = Inbox(3)
    inbox.post([ONE])
    await inbox.wait(3600.0)
    assert len(inbox) == 1
