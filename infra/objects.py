"""Whole files by key: a local folder, or any S3 (implements `actors.ports.Objects`).

Both keep the same promises (`tests/contract/test_objects.py`): a file is there whole or not at all,
a second `put` replaces it, and keys come back in order.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from actors.ports import Objects
from infra.settings import Settings

PART = ".part-"
"""Marks a file of the local store that is still being written."""
PIECE = 2**20
"""Bytes of one system call. Brought to the disk at once, a large file would keep a store on the
same disk that waits for its own few bytes (`appendfsync always`) waiting too; read at once, it
keeps a processor for as long as that takes, at any priority, on kernels without full preemption."""


class BadKeyError(ValueError):
    """A key that is none: the text says what one looks like."""


def check_key(key: str) -> str:
    """Return the key.

    Raises:
        BadKeyError: not words between slashes, or over 900 bytes (S3 takes 1,024).
    """
    words = key.split("/")
    wrong = any(word in ("", ".", "..") or word.startswith(PART) for word in words)
    if wrong or "\\" in key or "\x00" in key or len(key.encode()) > 900:
        raise BadKeyError(f"{key!r}: a key is words between slashes, such as a/b/c.parquet")
    return key


class LocalObjects:
    """Files below a folder. A crash leaves a stray part at most, which no `list` shows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, data: bytes) -> None:
        """See `Objects.put`."""
        await asyncio.to_thread(self._put, check_key(key), data)

    async def get(self, key: str) -> bytes | None:
        """See `Objects.get`."""
        return await asyncio.to_thread(self._get, check_key(key))

    async def keys(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[str]:
        """See `Objects.keys`."""
        return await asyncio.to_thread(self._keys, prefix, after, limit)

    async def remove(self, key: str) -> None:
        """See `Objects.remove`."""
        path = self._folder / check_key(key)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    def _put(self, key: str, data: bytes) -> None:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{PART}{secrets.token_hex(8)}")
        with part.open("wb") as file:
            for start in range(0, max(len(data), 1), PIECE):
                file.write(memoryview(data)[start : start + PIECE])
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)

    def _get(self, key: str) -> bytes | None:
        try:
            with (self._folder / key).open("rb", buffering=0) as file:
                return b"".join(iter(partial(file.read, PIECE), b""))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def _keys(self, prefix: str, after: str, limit: int) -> list[str]:
        base = self._folder / prefix.rpartition("/")[0]
        if not base.is_dir():
            return []
        files = (path for path in base.rglob("*") if path.is_file())
        keys = (path.relative_to(self._folder).as_posix() for path in files)
        found = [k for k in keys if k.startswith(prefix) and k > after and PART not in k]
        return sorted(found)[:limit]


class S3Objects:
    """A bucket of any S3, made if it is missing. Credentials are boto3's own affair (environment,
    profile, instance role)."""

    def __init__(self, bucket: str, endpoint_url: str | None) -> None:
        self._bucket = bucket
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"max_attempts": 5, "mode": "standard"},
            s3={"addressing_style": "path"},
        )
        self._s3: Any = boto3.client("s3", endpoint_url=endpoint_url, config=config)
        self._made = False

    async def put(self, key: str, data: bytes) -> None:
        """See `Objects.put`."""
        await self._run("put_object", Key=check_key(key), Body=data)

    async def get(self, key: str) -> bytes | None:
        """See `Objects.get`."""
        try:
            answer = await self._run("get_object", Key=check_key(key))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        data: bytes = await asyncio.to_thread(answer["Body"].read)
        return data

    async def keys(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[str]:
        """See `Objects.keys`."""
        found: list[str] = []
        while len(found) < limit:
            most = min(1000, limit - len(found))
            answer = await self._run(
                "list_objects_v2", Prefix=prefix, StartAfter=after, MaxKeys=most
            )
            found += [one["Key"] for one in answer.get("Contents", [])]
            if not answer.get("IsTruncated") or not found:
                break
            after = found[-1]
        return found

    async def remove(self, key: str) -> None:
        """See `Objects.remove`."""
        await self._run("delete_object", Key=check_key(key))

    async def _run(self, method: str, **arguments: Any) -> Any:
        if not self._made:
            await asyncio.to_thread(self._make)
        return await asyncio.to_thread(getattr(self._s3, method), Bucket=self._bucket, **arguments)

    def _make(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            self._s3.create_bucket(Bucket=self._bucket)
        self._made = True


def open_objects(settings: Settings) -> Objects:
    """Return the object store of the settings: S3 where S3_ENDPOINT_URL is set, else a folder."""
    if settings.s3_endpoint_url is None:
        return LocalObjects(settings.data_dir / "objects")
    return S3Objects(settings.s3_bucket, settings.s3_endpoint_url.get_secret_value())
