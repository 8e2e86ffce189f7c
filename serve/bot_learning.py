"""How the bot's model comes by what it has learned: from the store, or by learning it elsewhere.

Learning ten thousand wordings is many seconds of CPU; reading back what was learned is half of one.
So a replica that was killed, or a second one, learns nothing again, and where few wordings changed
only these are learned.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

import structlog

from actors.ports import Objects
from bot.answering import Understanding, taught
from bot.encoder import Encoder
from bot.knowledge import Base, Version
from bot.relearning import relearned
from bot.saving import FORMAT_VERSION, ModelFileError, dump, load
from serve.knowledge.encoding import encoder_here
from serve.pacing import pace
from serve.priority import idle_thread, run_when_idle

SMALL_N = 500
"""Wordings that are learned in a thread of the model's own process (a blink); more go elsewhere."""
KEPT_N = 3
"""Learned versions of a base that are kept: the live one, one on trial, one to go back to."""

Elsewhere = Callable[[Base, int, str], Awaitable[bytes]]
"""Runs `learn_when_idle` in another process, with the objects of that process."""

log = structlog.get_logger()


class StoredLearning:
    """Learns each content of a base once (implements `serve.bot_model.Learn`).

    Args:
        objects: where learned versions are kept, below `bot/`.
        elsewhere: see there.
        encoder: `elsewhere` must use the same.
    """

    def __init__(self, objects: Objects, elsewhere: Elsewhere, encoder: Encoder) -> None:
        self._objects = objects
        self._elsewhere = elsewhere
        self._encoder = encoder
        self._thread = idle_thread("learns")

    async def __call__(self, org: str, stored: Version) -> Understanding:
        """Return the version, learned."""
        base, number = stored.base, stored.number
        if wordings_n(base) <= SMALL_N:
            return await self._learn(base, number)
        folder, content = folder_of(org, base.id), content_of(base, self._encoder)
        found = await self._kept(folder, content)
        if found is None:
            data = await self._elsewhere(base, number, f"{folder}{number:010}-{content}")
            found = await (self._load(data) if data else self._kept(folder, content))
            await self._tidy(folder)
        if found is None:
            raise LookupError(f"{folder}: what was learned of version {number} is gone already")
        return found.with_base(base, number)

    async def _learn(self, base: Base, number: int) -> Understanding:
        loop = asyncio.get_running_loop()
        learn = partial(Understanding.learn, base, version=number, encoder=self._encoder)
        return await loop.run_in_executor(self._thread, learn)

    async def _load(self, data: bytes) -> Understanding:
        with pace():
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, load, data, self._encoder
            )

    async def _kept(self, folder: str, content: str) -> Understanding | None:
        """Return what was learned of the same content, None: nothing that can be read."""
        try:
            for key in await self._objects.keys(folder):
                if key.endswith(f"-{content}"):
                    return await self._read(key)
        except Exception as error:  # noqa: BLE001 - without its store the bot learns again
            log.warning("bot.kept_unreachable", folder=folder, error=repr(error))
        return None

    async def _read(self, key: str) -> Understanding | None:
        data = await self._objects.get(key) or b""
        try:
            return await self._load(data)
        except ModelFileError as error:
            log.warning("bot.kept_unreadable", key=key, error=str(error))
            await self._objects.remove(key)
        return None

    async def _tidy(self, folder: str) -> None:
        """Keep the newest only."""
        try:
            for old in (await self._objects.keys(folder))[:-KEPT_N]:
                await self._objects.remove(old)
        except Exception as error:  # noqa: BLE001 - there is another time
            log.warning("bot.not_tidied", folder=folder, error=repr(error))


def wordings_n(base: Base) -> int:
    """Return how many wordings there are to learn."""
    return sum(len(topic.phrasings()) for topic in base.topics)


def folder_of(org: str, base: str) -> str:
    """Return where learned versions of a base are kept: an organisation's own place."""
    return f"bot/{quote(org, safe='')}/{quote(base, safe='')}/"


def content_of(base: Base, encoder: Encoder) -> str:
    """Return what names all that a base teaches, and how it was learned."""
    digest = hashlib.sha256(taught(base))
    digest.update(encoder.identity.encode())
    return f"{FORMAT_VERSION}.{digest.hexdigest()[:32]}"


def learn_when_idle(objects: Objects, base: Base, version: int, key: str) -> bytes:
    """Learn the base and keep it under the key, in a process that does nothing else.

    Return nothing, or, if the store is away, what was to be kept (`bot.saving.load` reads it):
    hundreds of megabytes are not what Ray's object store is for.
    """
    run_when_idle()
    data = dump(learn_from_newest(objects, base, version, key.rpartition("/")[0] + "/"))
    try:
        asyncio.run(objects.put(key, data))
    except Exception as error:  # noqa: BLE001 - then the caller has it, and no successor
        log.warning("bot.not_kept", key=key, error=repr(error))
        return data
    return b""


def learn_from_newest(objects: Objects, base: Base, version: int, folder: str) -> Understanding:
    """Learn the base from what is kept newest in the folder, where few wordings changed; else
    whole."""
    encoder = encoder_here()
    with pace():
        before = asyncio.run(_newest(objects, folder, encoder))
        learned = None if before is None else relearned(before, base, version=version)
    log.info("bot.learning", folder=folder, version=version, whole=learned is None)
    return learned or Understanding.learn(base, version=version, encoder=encoder)


async def _newest(objects: Objects, folder: str, encoder: Encoder) -> Understanding | None:
    """Return what was learned last, None: nothing that can be read."""
    try:
        keys = await objects.keys(folder)
        return load(await objects.get(keys[-1]) or b"", encoder) if keys else None
    except Exception as error:  # noqa: BLE001 - then all is learned
        log.warning("bot.kept_unreadable", folder=folder, error=repr(error))
    return None
