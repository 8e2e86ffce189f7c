"""The ingress's environment follows the machine."""

from __future__ import annotations

import resource
import secrets
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve import ingress_env
from serve.ingress_env import (
    folder_in,
    ingress_environment,
    is_direct,
    max_connections,
    wait_until_direct,
)


@pytest.fixture
def binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "haproxy"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(path))
    return path


def test_connections_follow_the_descriptor_limit() -> None:
    assert max_connections(20_000) == 7900
    assert max_connections(resource.RLIM_INFINITY) == ingress_env.MAXCONN_MOST
    assert max_connections(10**9) == ingress_env.MAXCONN_MOST
    assert max_connections(100) == 256


def test_two_systems_on_one_machine_share_no_port(binary: Path) -> None:
    first = ingress_environment(own_ports=range(20_001, 20_100))
    second = ingress_environment(own_ports=range(20_101, 20_200))
    names = [name for name in first if "PROXY_HTTP_PORT" in name or "MIN_HTTP_PORT" in name]
    assert len(names) == 2
    assert {first[name] for name in names}.isdisjoint(second[name] for name in names)
    assert int(first["RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"]) < 20_100
    assert binary.exists()


def test_haproxy_serves_where_its_binary_is(binary: Path, tmp_path: Path) -> None:
    found = ingress_environment(folder=tmp_path, drain_s=7, hard_limit=20_000)
    assert found["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert found["RAY_SERVE_HAPROXY_MAXCONN"] == "7900"
    assert found["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"] == "7"
    assert found["RAY_SERVE_HAPROXY_SOCKET_PATH"] == str(tmp_path / "admin.sock")
    assert binary.exists()


def test_without_the_binary_the_python_proxy_serves_unless_haproxy_was_demanded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(tmp_path / "nothing"))
    assert ingress_environment()["RAY_SERVE_ENABLE_HA_PROXY"] == "0"
    with pytest.raises(RuntimeError, match="no binary"):
        ingress_environment(haproxy="on")


def test_haproxy_can_be_turned_off(binary: Path) -> None:
    assert binary.exists()
    assert ingress_environment(haproxy="off")["RAY_SERVE_ENABLE_HA_PROXY"] == "0"


@pytest.fixture
def answering() -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives each connection the next answer of a list (the last one for ever)."""
    server, answers = socket.create_server(("127.0.0.1", 0)), [b""]

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                peer.sendall(answers.pop(0) if len(answers) > 1 else answers[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], answers
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def test_waiting_ends_when_a_replica_answers_and_not_before(
    answering: tuple[int, list[bytes]],
) -> None:
    port, answers = answering
    proxy = b"HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    answers[:] = [b"HTTP/1.1 500 X\r\n\r\n", proxy, b"HTTP/1.1 101 X\r\n\r\n"]
    assert wait_until_direct("127.0.0.1", port)
    assert len(answers) == 1


def test_a_port_where_nobody_answers_is_not_direct() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert not is_direct("127.0.0.1", port, 0.2)
    assert not wait_until_direct("127.0.0.1", port, 0.05)


def test_a_folder_too_deep_for_a_nodes_socket_is_not_taken() -> None:
    """The socket's name is `<data>/haproxy/<56 digits>/admin.sock`, of at most 97 characters."""
    short = Path("/tmp") / secrets.token_hex(8)  # 21 characters
    try:
        assert folder_in(short) == short / "haproxy"
    finally:
        shutil.rmtree(short)
    assert folder_in(Path("/tmp") / ("x" * 17)) is None
    assert not (Path("/tmp") / ("x" * 17)).exists()
