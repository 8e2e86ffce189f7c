"""CPU of the session machine alone: `python -m benchmarks.session_machine [--json FILE]`.

One served session with two customer sockets and one agent socket; its customer and agent speak in
turn. No host, journal or network: what is left is the machine's share of a message's price.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import time
from pathlib import Path

from actors.addresses import Address, Conn
from actors.config import AgentConfig, OrgConfig, QueueConfig
from actors.effects import Journal
from actors.frames import encode_frame
from actors.messages import Assign, Attach, Body, Customer, OpenSession, Person, Say
from actors.session import Session

CONFIG = OrgConfig(
    org="bench",
    version=1,
    entry_queue="sales",
    queues={"sales": QueueConfig(id="sales", name="Sales")},
    agents={"ann": AgentConfig(id="ann", name="Ann")},
)
CUSTOMER = Person(id="carol", role="customer", name="Carol")
AGENT = Person(id="ann", role="agent", name="Ann")
PHONE, LAPTOP, DESK = Conn("g1", 1), Conn("g1", 2), Conn("g2", 3)


class Clock:
    """A context that costs next to nothing: time moves 10 ms an id."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self._ids = itertools.count(1)

    def new_id(self) -> str:
        self.now += 0.01
        return str(next(self._ids))

    def random(self) -> float:
        return 0.5


def served(ctx: Clock) -> Session:
    """Return a session in which Ann serves Carol, with three sockets attached."""
    session = Session(Address("session", "bench", "1"), CONFIG)
    session.restore({}, [])
    for command in (
        OpenSession(conn=PHONE, customer=Customer(id="carol", name="Carol")),
        Assign(episode=1, offer="o1", agent="ann"),
        Attach(conn=LAPTOP, person=CUSTOMER),
        Attach(conn=DESK, person=AGENT),
    ):
        session.handle(command, ctx)
        session.settle(ctx)
    return session


def says(number: int) -> list[Say]:
    """Return utterances of both sides in turn, 40-odd characters each."""
    return [
        Say(
            conn=PHONE if n % 2 else DESK,
            person=CUSTOMER if n % 2 else AGENT,
            client_id=f"c{n}",
            body=Body(kind="text", text=f"message {n}: where is the bike I ordered?"),
        )
        for n in range(number)
    ]


def per_message_us(session: Session, ctx: Clock, commands: list[Say]) -> float:
    """Return CPU microseconds per message, one turn each, as a quiet host would run them."""
    started = time.process_time()
    for command in commands:
        session.handle(command, ctx)
        session.settle(ctx)
        session.deadline()
    return (time.process_time() - started) / len(commands) * 1e6


def measure(messages: int, rounds: int) -> dict[str, float]:
    """Return the best and worst of several rounds on one growing session, and a restore's cost."""
    ctx = Clock()
    session = served(ctx)
    commands = says(messages * rounds)
    gc.collect()
    costs = [
        per_message_us(session, ctx, commands[start : start + messages])
        for start in range(0, messages * rounds, messages)
    ]
    repeats = per_message_us(session, ctx, commands[:messages])
    return {
        "say_us_best": min(costs),
        "say_us_first": costs[0],
        "say_us_last": costs[-1],
        "repeat_us": repeats,
        "restore_us_per_frame": restore_us(messages),
    }


def restore_us(messages: int) -> float:
    """Return CPU microseconds per frame to rebuild a session from its timeline."""
    ctx = Clock()
    session = served(ctx)
    timeline = [
        encode_frame(effect.frame)
        for command in says(messages)
        for effect in session.handle(command, ctx)
        if isinstance(effect, Journal)
    ]
    fresh = Session(session.address, CONFIG)
    started = time.process_time()
    fresh.restore({}, timeline)
    return (time.process_time() - started) / len(timeline) * 1e6


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="messages a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = {
        key: round(value, 2) for key, value in measure(options.messages, options.rounds).items()
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
