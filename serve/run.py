"""The front door: `python -m serve.run` starts the whole system and says where to click.

Ctrl-C (or SIGTERM) ends everything that was started, in reverse.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bot.encoder import EncoderError
from infra.logs import configure_logs
from infra.settings import Settings, SettingsError, load_settings, unfamiliar
from infra.valkey_folder import ValkeyError
from serve.ingress_env import DRAIN_S
from serve.people import directory_people, prepare_directory
from serve.system import Running, running_system


def main() -> int:
    """Run until told to end; return the exit code."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    for name, meant in unfamiliar(os.environ).items():
        hint = f": did you mean {meant}?" if meant else " (see .env.example)"
        print(f"{name} is no setting of Raydesk{hint}", file=sys.stderr)
    configure_logs(settings)
    ended = threading.Event()
    _end_on_signals(ended)
    started = time.monotonic()
    try:
        with system(settings) as running:
            _end_on_signals(ended)  # Ray, when it starts, puts its own handler in our place
            print(welcome(running, time.monotonic() - started), flush=True)
            ended.wait()
            print("Ending ...", flush=True)
    except (ValkeyError, EncoderError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _end_on_signals(ended: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())


@contextmanager
def system(settings: Settings, *, quiet: bool = False) -> Iterator[Running]:
    """Run everything with the directory of the settings.

    Args:
        quiet: do not say what is being started.
    """

    def step(what: str) -> None:
        if not quiet:
            print(f"Starting {what} ...", flush=True)

    def prepare(redis_url: str) -> None:
        asyncio.run(prepare_directory(settings, redis_url))

    address = os.environ.get("RAY_ADDRESS", "local")
    with running_system(
        settings,
        directory_people,
        prepare=prepare,
        step=step,
        ray_address=address,
        dashboard=not quiet,
        host=settings.host,
        # On one machine nobody balances away from a gateway that ends.
        drain_s=1 if address == "local" else DRAIN_S,
    ) as running:
        yield running


def welcome(running: Running, seconds: float) -> str:
    """Return what a person reads once the system runs."""
    url = running.settings.base_url
    lines = [
        "",
        f"Raydesk runs (started in {seconds:.0f} s).",
        "",
        f"  Try it        {url}/",
        f"  Knowledge     {url}/knowledge.html",
        f"  API           {url}/v1/",
    ]
    if running.dashboard_url:
        lines.append(f"  Ray           http://{running.dashboard_url}")
    if running.settings.demo:
        password = running.settings.demo_password.get_secret_value()
        lines += [
            "",
            "  Demo logins   organisation demo: alice, bob, chen, lead (a leader), admin",
            f"                password {password}",
        ]
    lines += ["", "Ctrl-C ends everything.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
