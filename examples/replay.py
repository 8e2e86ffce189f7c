"""Replays recorded dialogues, each as a session, and checks that nothing was lost.

    python -m examples.replay FILE --sessions 200 --speed 20

Customer turns are said by a customer's device, agent turns by whichever agent the dispatcher gave
the session to. Without `--url` it starts a system of its own. Exit code 1: something was lost,
shown twice, out of order, or not finished.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx
import msgspec

from benchmarks.checker import Report
from examples.dialogues import Dialogue, read_dialogues
from examples.replaying import Stage, on_agent_event, on_customer_event, play
from examples.signing_in import Api, Login, parse_logins
from serve.client import AgentClient, ClientError, CustomerClient

DEMO_ORG = "demo"
DEMO_QUEUE = "travel"
"""Where people answer: the demo's entry queue is a bot's."""
LINE_EVERY_S = 5.0
"""Between two lines of progress in a log; a terminal's one line changes every second."""
OPENING_N = 50
"""Customers that connect at the same time."""
QUIET_S = 15.0
"""How long the end waits for messages still on their way."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the replay prints, and writes with `--json`."""

    sessions: int
    ended: int
    failed: int
    seconds: float
    messages_per_s: float
    agents: int
    reconnects: int
    wait_ms: dict[str, float]
    checked: Report
    failures: list[str]

    @property
    def fine(self) -> bool:
        """True if every dialogue was played to its end and no promise was broken."""
        return self.checked.clean and not self.failed


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; exits with a sentence if they make no sense."""
    parser = argparse.ArgumentParser(prog="examples.replay", description=__doc__)
    parser.add_argument("file", type=Path, help='JSON lines {"id", "turns": [{"role", "text"}]}')
    parser.add_argument("--sessions", type=int, default=100, help="dialogues played at once")
    parser.add_argument(
        "--speed", type=float, default=20.0, help="1: a person's pace; 0: no pauses"
    )
    parser.add_argument("--url", help="of a running system, http://host:port; default: start one")
    parser.add_argument("--org", default=DEMO_ORG)
    parser.add_argument("--site", default="demo-site", help="the site's public key")
    parser.add_argument("--agents", type=parse_logins, help="name:password,name:password")
    parser.add_argument(
        "--queue",
        help=f"that people serve; default: {DEMO_QUEUE} in the demo organisation, elsewhere the "
        "entry queue (a bot there is asked for a person)",
    )
    parser.add_argument(
        "--patience", type=float, default=600.0, help="seconds to wait for an agent"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.queue is None:
        options.queue = DEMO_QUEUE if options.org == DEMO_ORG else ""
    if options.url and not options.agents:
        parser.error("--url needs --agents: whose devices shall answer?")
    return options


async def replay(options: argparse.Namespace, api: Api, logins: Sequence[Login]) -> Outcome:
    """Play everything on a running system and return what came of it."""
    dialogues = read_dialogues(options.file, options.sessions)
    stage = Stage(speed=options.speed)
    stage.progress.sessions = len(dialogues)
    agents = await asyncio.gather(
        *(_open_agent(stage, api, options.org, login) for login in logins)
    )
    reporter = asyncio.create_task(_show_progress(stage))
    run = Run(stage, api, options)
    started_at = perf_counter()
    try:
        played = await asyncio.gather(*(_play_one(run, dialogue) for dialogue in dialogues))
        customers = [client for client in played if client is not None]
        seconds = perf_counter() - started_at
        await _until_quiet(stage)
        reconnects = sum(device.counts.reconnects for device in (*agents, *customers))
        checked = await _close_all(stage, api, agents, customers)
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)
    return Outcome(
        sessions=len(dialogues),
        ended=stage.progress.ended,
        failed=stage.progress.failed,
        seconds=round(seconds, 2),
        messages_per_s=round(stage.progress.messages / seconds, 1),
        agents=len(agents),
        reconnects=reconnects,
        wait_ms=stage.waits.summary_ms(),
        checked=checked,
        failures=stage.failures[:10],
    )


async def _open_agent(stage: Stage, api: Api, org: str, login: Login) -> AgentClient:
    async def fresh_token() -> str:
        return await api.agent_token(org, login)

    agent = AgentClient(api.socket_url, fresh_token, proxy=None)
    agent.listen(on_agent_event(stage, agent))
    welcome = await agent.connect()
    stage.agents[welcome.you.id] = agent
    await agent.set_status("available")
    return agent


@dataclass(frozen=True, slots=True)
class Run:
    """What every player needs."""

    stage: Stage
    api: Api
    options: argparse.Namespace
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OPENING_N))


async def _play_one(run: Run, dialogue: Dialogue) -> CustomerClient | None:
    """Play a dialogue; None if its customer could not even come in."""
    client, progress = None, run.stage.progress
    try:
        async with run.gate:
            token = await run.api.visitor_token(run.options.site)
            client = CustomerClient(run.api.socket_url, token, proxy=None)
            client.listen(on_customer_event(run.stage, client))
            await client.connect()
        await play(run.stage, dialogue, client, run.options.queue, run.options.patience)
        run.stage.tokens[client.session] = token
        progress.ended += 1
    except (ClientError, TimeoutError, httpx.HTTPError) as error:
        progress.failed += 1
        run.stage.failures.append(f"dialogue {dialogue.id}: {error or type(error).__name__}")
    return client


async def _until_quiet(stage: Stage) -> None:
    """Wait until everything acked has arrived everywhere, but not for ever."""
    deadline = perf_counter() + QUIET_S
    # What is owed is computed: nobody announces it.
    while stage.checker.owed() and perf_counter() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _close_all(
    stage: Stage, api: Api, agents: Sequence[AgentClient], customers: Sequence[CustomerClient]
) -> Report:
    """Read the history of every session, judge, and leave."""
    gate = asyncio.Semaphore(OPENING_N)

    async def read_history(session: str, token: str) -> None:
        async with gate:
            stage.checker.history(session, await api.history_seqs(session, token))

    await asyncio.gather(*(read_history(*one) for one in stage.tokens.items()))
    report = stage.checker.report()
    await asyncio.gather(*(device.close() for device in (*agents, *customers)))
    return report


async def _show_progress(stage: Stage) -> None:
    """Keep one line on a terminal up to date; write a line now and then to anything else."""
    terminal = sys.stderr.isatty()
    every_s = 1.0 if terminal else LINE_EVERY_S
    before = 0
    while True:
        await asyncio.sleep(every_s)
        seen = stage.progress
        line = (
            f"{seen.ended}/{seen.sessions} ended, {seen.talking} talking, {seen.failed} failed, "
            f"{seen.messages} messages, {(seen.messages - before) / every_s:.0f}/s"
        )
        line = f"\r{line:<78}" if terminal else f"{line}\n"
        print(line, end="", file=sys.stderr, flush=True)
        before = seen.messages


def table_of(outcome: Outcome) -> str:
    """Return the outcome as aligned lines."""
    checked = outcome.checked

    def spread(ms: dict[str, float]) -> str:
        return "  ".join(f"{name} {value:,.1f} ms" for name, value in ms.items())

    rows = {
        "sessions": f"{outcome.ended} of {outcome.sessions} ended, by {outcome.agents} agents",
        "messages": f"{checked.sent} sent, {checked.acked} acked, {outcome.messages_per_s}/s",
        "frames delivered": str(checked.delivered),
        "lost": str(checked.lost),
        "duplicated": str(checked.duplicated),
        "out of order": str(checked.out_of_order),
        "missing in history": str(checked.missing_in_history),
        "double assigned": str(checked.double_assigned),
        "reconnects": str(outcome.reconnects),
        "wait for an agent": spread(outcome.wait_ms),
        "ack": spread(checked.ack_ms),
        "delivery": spread(checked.deliver_ms),
        "took": f"{outcome.seconds} s",
    }
    lines = [f"{name:<20}{value}" for name, value in rows.items()]
    return "\n".join(lines + [f"failed: {failure}" for failure in outcome.failures])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = parse_arguments(arguments)
    if options.url:
        outcome = asyncio.run(_on(options, options.url, options.agents))
    else:
        # Ray is loaded only by who needs a system of one's own.
        from examples.own_system import own_system  # noqa: PLC0415

        with own_system(queue=options.queue, sessions=options.sessions) as system:
            outcome = asyncio.run(_on(options, system.url, options.agents or system.logins))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(table_of(outcome))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=2))
    return 0 if outcome.fine else 1


async def _on(options: argparse.Namespace, url: str, logins: Sequence[Login]) -> Outcome:
    api = Api(url)
    try:
        return await replay(options, api, logins)
    finally:
        await api.close()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError, ClientError, httpx.HTTPError) as error:
        sys.exit(f"replay: {error}")
