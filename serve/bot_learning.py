"""How the bot's model comes by what it has learned: from the store, or by learning it elsewhere.

Learning ten thousand wordings is many seconds of CPU; reading back what was learned is half of one.
So a replica that was killed, or a second one, learns nothing again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

import msgspec
import structlog

from actors.ports import Objects
from bot.answering import Understanding
from bot.encoder import Encoder
from bot.knowledge import Base, Version
from bot.saving import FORMAT_VERSION, ModelFileError, dump, load
from serve.knowledge.encoding import encoder_here
from serve.priority import idle_thread, run_when_idle

SMALL_N = 500
"""Wordings that are learned in a thread of the model's own process (a blink); more go elsewhere."""
KEPT_N = 3
"""Learned versions of a base that are kept: the live one, one on trial, one to go back to."""

Elsewhere = Callable[[Base, int], Awaitable[bytes]]
"""Runs `learn_when_idle` in another process."""

log = structlog.get_logger()


class StoredLearning:
    """Learns each content of a base once (implements `serve.bot_model.Learn`).

    Args:
        objects: where learned versions are kept, below `bot/`.
        elsewhere: see there.
        encoder: the operator's, if one is named; `elsewhere` must use the same.
    """

    def __init__(
        self, objects: Objects, elsewhere: Elsewhere, encoder: Encoder | None = None
    ) -> None:
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
        kept = await self._kept(folder, content)
        if kept is not None:
            return kept.with_version(number)
        data = await self._elsewhere(base, number)
        await self._keep(folder, f"{number:010}-{content}", data)
        return await self._load(data)

    async def _learn(self, base: Base, number: int) -> Understanding:
        loop = asyncio.get_running_loop()
        learn = partial(Understanding.learn, base, version=number, encoder=self._encoder)
        return await loop.run_in_executor(self._thread, learn)

    async def _load(self, data: bytes) -> Understanding:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, load, data, self._encoder
        )

    async def _kept(self, folder: str, content: str) -> Understanding | None:
        """Return what was learned of the same content, None: nothing that can be read."""
        try:
            for key in await self._objects.keys(folder):
                if key.endswith(f"-{content}"):
                    data = await self._objects.get(key) or b""
                    return await self._load(data)
        except ModelFileError as error:
            log.warning("bot.kept_unreadable", folder=folder, error=str(error))
        except Exception as error:  # noqa: BLE001 - without its store the bot learns again
            log.warning("bot.kept_unreachable", folder=folder, error=repr(error))
        return None

    async def _keep(self, folder: str, name: str, data: bytes) -> None:
        """Keep what was learned, and the newest before it."""
        try:
            await self._objects.put(folder + name, data)
            for old in (await self._objects.keys(folder))[:-KEPT_N]:
                await self._objects.remove(old)
        except Exception as error:  # noqa: BLE001 - without its store the bot learns again
            log.warning("bot.not_kept", folder=folder, error=repr(error))


def wordings_n(base: Base) -> int:
    """Return how many wordings there are to learn."""
    return sum(len(topic.phrasings()) for topic in base.topics)


def folder_of(org: str, base: str) -> str:
    """Return where learned versions of a base are kept: an organisation's own place."""
    return f"bot/{quote(org, safe='')}/{quote(base, safe='')}/"


def content_of(base: Base, encoder: Encoder | None) -> str:
    """Return what names a base's content, and how it was learned."""
    digest = hashlib.sha256(msgspec.json.encode(base))
    digest.update(b"" if encoder is None else encoder.identity.encode())
    return f"{FORMAT_VERSION}.{digest.hexdigest()[:32]}"


def learn_when_idle(base: Base, version: int) -> bytes:
    """Learn the base, in a process that does nothing else; return what `bot.saving.load` reads."""
    run_when_idle()
    return dump(Understanding.learn(base, version=version, encoder=encoder_here()))
