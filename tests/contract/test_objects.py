"""One suite for both object stores: the local folder, and S3 through a real HTTP server (moto's
standalone server from PyPI, which speaks the S3 protocol; boto3 reaches it as it would any S3)."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from pydantic import SecretStr

from infra.objects import PIECE, BadKeyError, LocalObjects, S3Objects, open_objects
from infra.settings import Settings

WITHIN_S = 30.0


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def s3_url():
    """A running S3-compatible server."""
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            break
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield url
    server.terminate()
    server.wait()


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def objects(request, tmp_path, monkeypatch):
    if request.param == "local":
        return LocalObjects(tmp_path / "objects")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    url = request.getfixturevalue("s3_url")
    return S3Objects(f"b{os.getpid()}-{abs(hash(request.node.name)) % 10**9}", url)


async def test_what_was_put_is_got_byte_for_byte(objects):
    data = bytes(range(256)) * 1000
    await objects.put("a/b/数据.bin", data)
    assert await objects.get("a/b/数据.bin") == data
    assert await objects.get("a/b/none") is None


@pytest.mark.parametrize("size", [0, PIECE - 1, PIECE, 2 * PIECE + 3])
async def test_a_file_of_any_number_of_pieces_is_whole(objects, size):
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    await objects.put("large", data)
    assert await objects.get("large") == data


async def test_a_second_put_replaces_and_a_remove_removes(objects):
    await objects.put("a/one", b"1")
    await objects.put("a/one", b"22")
    assert await objects.get("a/one") == b"22"
    await objects.remove("a/one")
    await objects.remove("a/one")
    assert await objects.get("a/one") is None


async def test_keys_come_in_order_by_prefix_after_a_key_and_bounded(objects):
    for key in ("d/2/b", "d/1/a", "d/1/c", "e/1", "d/10"):
        await objects.put(key, b"x")
    assert await objects.keys("d/") == ["d/1/a", "d/1/c", "d/10", "d/2/b"]
    assert await objects.keys("d/1") == ["d/1/a", "d/1/c", "d/10"]
    assert await objects.keys("d/", after="d/1/c", limit=1) == ["d/10"]
    assert await objects.keys("nothing/") == []


async def test_of_writers_at_once_one_wins_whole(objects):
    texts = [bytes([n]) * 50_000 for n in range(8)]
    await asyncio.gather(*(objects.put("same", text) for text in texts))
    assert await objects.get("same") in texts


@pytest.mark.parametrize("key", ["", "/a", "a/../b", "a//b", ".", "a\\b", "a\x00", "x" * 901])
async def test_a_bad_key_is_refused(objects, key):
    with pytest.raises(BadKeyError, match="a key is words between slashes"):
        await objects.put(key, b"")


async def test_settings_choose_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    local = open_objects(Settings(data_dir=tmp_path))
    await local.put("a", b"1")
    assert (tmp_path / "objects" / "a").read_bytes() == b"1"
    assert isinstance(
        open_objects(Settings(s3_endpoint_url=SecretStr("http://127.0.0.1:1"))), S3Objects
    )
