"""A program for tests: the doors on Ray Serve, with its own cluster, until its input ends.

Prints one JSON line when it serves: the port, and a visitor's token.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

from serve.identity import Identity
from serve.ingress_env import ingress_environment
from serve.signing_keys import make_key
from serve.tokens import Tokens


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    # Serve reads these when it is imported.
    found = ingress_environment(
        folder=folder, drain_s=1, metrics_port=free_port(), stats_port=free_port()
    )
    os.environ.update(found)

    from actors.on_ray import start_ray, stop_ray  # noqa: PLC0415
    from serve.on_serve import start_gateways, stop_gateways  # noqa: PLC0415
    from tests.support.doors import ScriptedDoors  # noqa: PLC0415

    start_ray()
    key, port = make_key(), free_port()
    start_gateways(
        ScriptedDoors(key), port=port, replicas=1, connections=100, host="127.0.0.1", drain_s=1
    )
    who = Identity(org="acme", subject="tom", role="customer", site="shop")
    token = Tokens([key]).issue_visitor(who, time.time())
    sys.stdout.write(json.dumps({"port": port, "token": token}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop_gateways()
    stop_ray()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
