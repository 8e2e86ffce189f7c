"""What identity costs: verifying tokens, connecting, signing in beside chats, revoking.

    python -m benchmarks.auth --json auth.json

1. Token verifications a second on one core, in this process: every token seen for the first time,
   and again. 2. Authenticated WebSocket connects a second through the real doors. 3. Sign-ins a
second with argon2id while chats run at half of what the system can do, and what they do to the
chats' latency. 4. From `POST /v1/me/sign-out` to the socket's close, over many open sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvloop
from argon2 import PasswordHasher

from benchmarks import report
from benchmarks.auth_sockets import connects, revocations
from benchmarks.histogram import Histogram
from benchmarks.load import Phase
from benchmarks.loader import Loader, Plan, Step
from benchmarks.system import DRAIN_S, RAY_ENVIRONMENT, System
from infra.directory.declared import parse
from infra.directory.store import Directory
from infra.settings import Settings
from infra.valkey import free_port
from serve.identity import Identity
from serve.oauth.guard import Guard
from serve.people import directory_people, prepare_directory
from serve.signing_keys import load_keys, make_key
from serve.system import running_system
from serve.tokens import Tokens

PEOPLE_ORG, PASSWORD = "people", "a password to sign in with"
PARTS = ("verifications", "connects", "revocation", "sign_ins")
TRIES_EACH = 9
"""Below the tries at one account that the doors allow at once."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line, checked."""
    parser = report.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each part")
    parser.add_argument("--sockets", type=int, default=1000, help="open while they are revoked")
    parser.add_argument("--sessions", type=int, default=100, help="chats beside the sign-ins")
    parser.add_argument("--rounds", type=int, default=4, help="with and without sign-ins")
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--signers", type=int, default=4, help="people signing in at once")
    return parser.parse_args(arguments)


def verifications(seconds: float, n: int = 20_000) -> dict[str, float]:
    """Return verifications a second on one core: new tokens, and tokens seen before."""
    tokens = Tokens([make_key()], cache_n=2 * n)
    guard, now = Guard(tokens), time.time()
    people = [
        Identity(org="bench", subject=f"a{i}", role="agent", family=f"f{i}") for i in range(n)
    ]
    made = [tokens.issue_access(who, now) for who in people]

    def rate(texts: Sequence[str]) -> float:
        started, done = time.perf_counter(), 0
        for text in texts:
            guard.verify(text, now)
            done += 1
            if done % 100 == 0 and time.perf_counter() - started > seconds / 2:
                break
        return done / (time.perf_counter() - started)

    new = rate(made)
    seen = made[: max(100, int(new * seconds / 2) - 100)]
    return {"new_per_s": round(new), "seen_per_s": round(rate(seen * 5))}


@contextmanager
def auth_system() -> Iterator[System]:
    """Run the real thing with its directory and authorization server."""
    with tempfile.TemporaryDirectory(prefix="rd") as name:
        settings = Settings(data_dir=Path(name), port=free_port(), log_level="warning", demo=True)
        os.environ |= RAY_ENVIRONMENT

        def prepare(redis_url: str) -> None:
            asyncio.run(prepare_directory(settings, redis_url))
            asyncio.run(declare_people(settings))

        with running_system(
            settings, directory_people, prepare=prepare, bots=False, drain_s=DRAIN_S
        ) as running:
            yield System(
                url=running.ws_url,
                redis_url=running.redis_url,
                keys_dir=settings.keys_dir,
                issuer=settings.base_url,
            )


async def declare_people(settings: Settings, n: int = 600) -> None:
    """Write an organisation of people who will sign in; they share one argon2id hash."""
    hashed = PasswordHasher().hash(PASSWORD)
    agents = {f"p{i}": {"name": f"P{i}", "password_hash": hashed} for i in range(n)}
    queues = {"desk": {"name": "Desk"}}
    content = {"org": PEOPLE_ORG, "name": "People", "entry_queue": "desk", "queues": queues}
    directory = Directory(settings.sql_url)
    try:
        await directory.replace(parse({**content, "agents": agents}, "the benchmark"), {})
    finally:
        await directory.close()


class SignIns:
    """People who sign in one after the other, `signers` at once, until stopped."""

    def __init__(self, http_url: str, signers: int) -> None:
        self._url = http_url
        self._signers = signers
        self.latency = Histogram()
        self.refused = 0
        self._number = 0

    async def run(self, seconds: float) -> float:
        """Return sign-ins a second."""
        ends = time.perf_counter() + seconds
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=60.0) as http:
            await asyncio.gather(*(self._sign(http, ends) for _ in range(self._signers)))
        return self.latency.n / seconds

    async def _sign(self, http: httpx.AsyncClient, ends: float) -> None:
        while time.perf_counter() < ends:
            login = f"p{self._number // TRIES_EACH % 600}"
            self._number += 1
            body = {"org": PEOPLE_ORG, "login": login, "password": PASSWORD}
            started = time.perf_counter()
            answer = await http.post("/v1/token", json=body)
            if answer.status_code == httpx.codes.OK:
                self.latency.add(time.perf_counter() - started)
            else:
                self.refused += 1
                await asyncio.sleep(0.1)


def sign_ins_beside_chats(system: System, given: argparse.Namespace) -> dict[str, Any]:
    """Return what sign-ins do to chats at half load. Rounds without and with them take turns;
    how much the rounds without them differ says how much of the difference is noise."""
    loader = Loader(chats(system, given.sessions))
    alone: list[Histogram] = []
    beside: list[Histogram] = []
    signing, rates = SignIns(http_of(system), given.signers), []
    try:
        loader.start()
        best = run(loader, Step(seconds=given.seconds, window=2))
        rate = best.done_in_time / best.seconds / 2
        step = Step(seconds=given.seconds / 2, rate=rate)
        for _ in range(given.rounds):
            alone.append(Histogram(run(loader, step).deliver))
            loader.tell(step)
            rates.append(uvloop.run(signing.run(step.seconds)))
            beside.append(Histogram(_phase(loader).deliver))
    finally:
        loader.stop()
    return {
        "half_load_per_s": round(rate, 1),
        "sign_ins_per_s": round(sum(rates) / len(rates), 2),
        "sign_in_ms": signing.latency.summary_ms(),
        "refused": signing.refused,
        "chat_alone_ms": _merged(alone).summary_ms(),
        "chat_beside_ms": _merged(beside).summary_ms(),
        **_compared(alone, beside, 50),
        **_compared(alone, beside, 99),
    }


def _merged(rounds: Sequence[Histogram]) -> Histogram:
    whole = Histogram()
    for one in rounds:
        whole.merge(one)
    return whole


def _compared(
    alone: Sequence[Histogram], beside: Sequence[Histogram], percent: float
) -> dict[str, Any]:
    """Return one percentile of every round, and how the middle round of each kind compares."""
    name = f"p{percent:g}"
    quiet, busy = ([one.percentile(percent) for one in rounds] for rounds in (alone, beside))
    return {
        f"{name}_ratio": round(statistics.median(busy) / statistics.median(quiet), 2),
        f"{name}_alone_ms": [round(each * 1e3, 1) for each in quiet],
        f"{name}_beside_ms": [round(each * 1e3, 1) for each in busy],
    }


def chats(system: System, talks: int) -> Plan:
    """Return the conversations that run beside the sign-ins."""
    org, agents = f"chats{int(time.time())}", -(-talks // 5)
    customers, staff = system.enrol(org, talks, agents, capacity=5)
    return Plan(
        wire="raydesk",
        urls=[system.url],
        talks=talks,
        agents=agents,
        prefix=org,
        customer_tokens=customers,
        agent_tokens=staff,
    )


def run(loader: Loader, step: Step) -> Phase:
    """Run one phase and return its counts."""
    loader.tell(step)
    return _phase(loader)


def _phase(loader: Loader) -> Phase:
    return loader.answer(Phase)


def http_of(system: System) -> str:
    """Return the HTTP side of the doors."""
    return system.url.replace("ws", "http", 1).removesuffix("/ws")


def minted(system: System, org: str) -> Callable[[int], str]:
    """Return a function that mints the visitor token of customer number n, a sign-in of its own."""
    tokens = Tokens(load_keys(system.keys_dir), issuer=system.issuer)

    def token(number: int) -> str:
        who = Identity(
            org=org, subject=f"{org}-c{number}", role="customer", family=f"{org}-f{number}"
        )
        return tokens.issue_visitor(who, time.time())

    return token


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything and write the result."""
    given = options(arguments)
    result: dict[str, Any] = {"benchmark": "auth", "machine": report.machine_facts()}

    def note(part: str, measured: object) -> None:
        result[part] = measured
        report.say(f"{part}: {measured}")

    if "verifications" in given.only:
        note("verifications", verifications(min(given.seconds, 4.0)))
    with auth_system() as system:
        org = f"auth{int(time.time())}"
        system.enrol(org, 1, 1, 5)
        token, http_url = minted(system, org), http_of(system)
        if "connects" in given.only:
            note("connects", uvloop.run(connects(system.url, token, given.seconds)))
        if "revocation" in given.only:
            asked = revocations(system.url, http_url, token, given.sockets)
            note("revocation", uvloop.run(asked))
        if "sign_ins" in given.only:
            note("sign_ins", sign_ins_beside_chats(system, given))
    report.write(result, given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
