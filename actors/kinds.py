"""The one place that knows which machine runs which kind of actor."""

from __future__ import annotations

from typing import assert_never

from actors.addresses import Address
from actors.agent import Agent
from actors.config import OrgConfig
from actors.dispatch import Dispatch
from actors.machine import Machine
from actors.session import Session
from actors.waiting import Queue


def make(address: Address, config: OrgConfig) -> Machine:
    """Return a new machine for the address; the caller restores it."""
    match address.kind:
        case "session":
            return Session(address, config)
        case "agent":
            return Agent(address, config)
        case "queue":
            return Queue(address, config)
        case "dispatch":
            return Dispatch(address, config)
        case _:
            assert_never(address.kind)
