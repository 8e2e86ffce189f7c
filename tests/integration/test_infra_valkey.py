"""The private Valkey: real processes, real kills."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from infra.valkey import ValkeyServer
from infra.valkey_folder import ValkeyError, ValkeyInUseError

ROOT = Path(__file__).parents[2]


def until(condition, seconds=20.0):
    """Wait until `condition()` is true; its value is returned."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_every_acknowledged_write_survives_kill_9(tmp_path):
    with ValkeyServer(tmp_path) as server, Redis.from_url(server.url) as client:
        for number in range(500):
            client.rpush("acked", number)
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server.restarts == 1)
        assert client.lrange("acked", 0, -1) == [str(n).encode() for n in range(500)]


def test_it_comes_back_on_the_same_port_every_time(tmp_path):
    with ValkeyServer(tmp_path) as server:
        port = server.port
        for death in (1, 2, 3):
            os.kill(server.pid, signal.SIGKILL)
            until(lambda death=death: server.restarts == death)
            assert server.port == port
            with Redis.from_url(server.url) as client:
                assert client.incr("lives") == death


def test_it_promises_what_the_journal_needs(tmp_path):
    with ValkeyServer(tmp_path) as server, Redis.from_url(server.url) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-use-rdb-preamble": "yes",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        assert client.info("server")["server_name"] == "valkey"


def test_data_outlives_a_stop_and_folder_names_may_be_anything(tmp_path):
    folder = tmp_path / '数据 "x" \\ y'
    with ValkeyServer(folder) as server, Redis.from_url(server.url) as client:
        client.set("a", "1")
        first = server.pid
    assert is_gone(first)
    with ValkeyServer(folder) as server, Redis.from_url(server.url) as client:
        assert client.get("a") == b"1"


def test_a_password_is_asked_and_its_files_are_private(tmp_path):
    with ValkeyServer(tmp_path, password='s p"a\\ce:@/密') as server:
        with Redis.from_url(server.url) as client:
            assert client.ping()
        with Redis(port=server.port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        for name in ("valkey.conf", "valkey.owner"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
        arguments = Path(f"/proc/{server.pid}/cmdline")
        if arguments.exists():
            assert b"ace" not in arguments.read_bytes()


def test_a_second_program_on_the_folder_is_refused(tmp_path):
    with ValkeyServer(tmp_path) as server:
        with pytest.raises(ValkeyInUseError, match=f"process {os.getpid()}"):
            ValkeyServer(tmp_path).start()
        with Redis.from_url(server.url) as client:
            assert client.ping()


def test_a_port_in_use_is_explained(tmp_path):
    with (
        ValkeyServer(tmp_path / "a") as server,
        pytest.raises(ValkeyError, match="Address already in use"),
    ):
        ValkeyServer(tmp_path / "b", port=server.port).start()


OWNER = """
import sys, time
from pathlib import Path
from infra.valkey import ValkeyServer
server = ValkeyServer(Path(sys.argv[1]))
server.start()
print(server.pid, server._watcher._shell.pid, server.url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path):
    """Another program that runs a Valkey on `tmp_path`; killed at the end."""
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield program
    program.kill()
    program.wait()
    program.stdin.close()
    program.stdout.close()


def test_it_ends_when_its_owner_is_killed(tmp_path, owner):
    server, _, url = owner.stdout.readline().split()
    with Redis.from_url(url) as client:
        client.set("a", "1")
    owner.kill()
    owner.wait()
    until(lambda: is_gone(int(server)))
    with ValkeyServer(tmp_path) as mine, Redis.from_url(mine.url) as client:
        assert client.get("a") == b"1"


def test_one_that_outlived_its_owner_is_ended_by_the_next_start(tmp_path, owner):
    server, watcher, url = owner.stdout.readline().split()
    with Redis.from_url(url) as client:
        client.set("a", "1")
    os.kill(int(watcher), signal.SIGKILL)
    owner.kill()
    owner.wait()
    with Redis.from_url(url) as client:
        assert client.get("a") == b"1"
    with ValkeyServer(tmp_path) as mine, Redis.from_url(mine.url) as client:
        assert client.get("a") == b"1"
        assert is_gone(int(server))


def test_an_unsupervised_one_stays_dead(tmp_path):
    with ValkeyServer(tmp_path, supervise=False) as server:
        os.kill(server.pid, signal.SIGKILL)
        until(lambda: server._process.poll() is not None)
        with Redis.from_url(server.url) as client, pytest.raises(RedisError):
            client.ping()
