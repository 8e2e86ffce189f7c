"""What the endpoints share: the world, the tokens, who may pass, and how things end."""

from __future__ import annotations

from dataclasses import dataclass

from infra.oauth_store import Client
from serve.api_parts import ApiParts
from serve.doors import Accounts
from serve.oauth.ending import Ending
from serve.oauth.guard import Guard
from serve.oauth.ports import OAuthWorld
from serve.oauth.records import CONSOLE, console_client
from serve.tokens import Tokens

CLIENT_ID_N = 128


@dataclass(frozen=True, kw_only=True)
class OAuthParts:
    """The dependencies of the authorization server's endpoints."""

    world: OAuthWorld
    api: ApiParts
    tokens: Tokens
    guard: Guard
    ending: Ending
    accounts: Accounts
    origins: frozenset[str]

    async def client(self, client_id: str) -> Client | None:
        """Return a client by its id."""
        if client_id == CONSOLE:
            return console_client(self.origins)
        if not client_id or len(client_id) > CLIENT_ID_N:
            return None
        return await self.world.registry.client(client_id)

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us by https."""
        return self.world.url.startswith("https://")
