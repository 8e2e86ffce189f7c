"""Takes over rotated signing keys while running, in every process that signs or verifies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError

from serve.oauth.ports import SealedKeys
from serve.signing_keys import Jwk, KeySet, unseal
from serve.tokens import Tokens

CHECK_S = 2.0
"""A new key is published `signing_keys.PUBLISH_S` before it signs."""

log = structlog.get_logger()


class KeyFollower:
    """Keeps a `Tokens` at the newest set that somebody with one of our keys has published."""

    def __init__(self, tokens: Tokens, keys: Sequence[Jwk], store: SealedKeys) -> None:
        self._tokens = tokens
        self._set = KeySet(keys=list(keys))
        self._store = store

    async def look(self) -> None:
        """Take the newest set, if there is one."""
        found = unseal(await self._store.read(), self._set.keys)
        # A set without our newest key is older than ours: a store that outlived a rotation.
        newer = found is not None and self._set.keys[0].kid in {key.kid for key in found.keys}
        if found is not None and newer and found != self._set:
            self._tokens.replace(found)
            self._set = found
            log.info("keys.taken", keys=[key.kid for key in found.keys])

    async def run(self) -> None:
        """Look every `CHECK_S`, until cancelled."""
        while True:
            try:
                await self.look()
            except (RedisError, OSError) as error:
                log.warning("keys.not_followed", error=str(error))
            await asyncio.sleep(CHECK_S)
