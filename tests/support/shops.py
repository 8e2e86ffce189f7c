"""Organisations made for one test each in the whole real system, declared in its directory as an
administrator would, and the people in them."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from pathlib import Path
from typing import Any

from actors.frames import Event, OpenOffer, SessionFrame
from infra.directory.declared import DeclaredAgent, DeclaredQueue, parse
from infra.directory.store import Directory
from serve.client import AgentClient, ConnectionRefused, CustomerClient
from serve.identity import Identity
from serve.signing_keys import load_keys
from serve.tokens import Tokens
from tests.support.actor_system import until
from tests.support.real import PASSWORD, WITHIN_S, Real, Seen

DESK: dict[str, Any] = {"name": "Desk", "wrap_up_s": 0, "sticky_within_s": 0, "sticky_wait_s": 0}
"""A queue without the courtesies that a test does not ask for."""
_numbers = itertools.count(1)


class Shop:
    """One organisation and its open doors."""

    def __init__(self, real: Real, org: str) -> None:
        self.real = real
        self.org = org
        self._directory: Directory = real.directory()
        self._tokens = Tokens(load_keys(Path(real.keys_dir)), issuer=real.issuer)
        self._open: list[AgentClient | CustomerClient] = []

    async def declare(self, **content: Any) -> None:
        """Write the organisation; return once the doors know it. `password_env: PASSWORD` gives an
        account the password `PASSWORD`."""
        whole = {"org": self.org, "name": self.org, "entry_queue": "desk", **content}
        await self._directory.replace(parse(whole, "a test"), {"PASSWORD": PASSWORD})
        await until(self._is_known)

    async def set_queue(self, queue: str, **content: Any) -> None:
        """Change a queue as an administrator does."""
        await self._directory.set_queue(self.org, queue, DeclaredQueue(**{**DESK, **content}))

    async def set_agent(self, agent: str, **content: Any) -> None:
        """Change an account as an administrator does."""
        await self._directory.set_agent(self.org, agent, DeclaredAgent(name=agent, **content))

    def visitor_token(self, customer: str, *, vip: int = 0) -> str:
        """Return the token of a known customer."""
        who = Identity(org=self.org, subject=customer, role="customer", vip=vip)
        return self._tokens.issue_visitor(who, time.time())

    def access_token(self, agent: str) -> str:
        """Return the token of somebody on the staff; the settings give the role."""
        who = Identity(org=self.org, subject=agent, role="agent", name=agent)
        return self._tokens.issue_access(who, time.time())

    async def customer(
        self, customer: str, *, vip: int = 0, url: str = ""
    ) -> tuple[CustomerClient, Seen]:
        """Connect a customer."""
        seen = Seen()
        token = self.visitor_token(customer, vip=vip)
        client = CustomerClient(url or self.real.ws_url, token, on_event=seen, proxy=None)
        self._open.append(client)
        await client.connect(WITHIN_S)
        return client, seen

    async def agent(
        self, agent: str, *, status: str = "available", device: str = "", url: str = ""
    ) -> tuple[AgentClient, Seen]:
        """Connect somebody on the staff."""
        seen = Seen()
        token = self.access_token(agent)
        client = AgentClient(
            url or self.real.ws_url, token, on_event=seen, proxy=None, device=device
        )
        self._open.append(client)
        await client.connect(WITHIN_S)
        if status:
            await client.set_status(status)  # type: ignore[arg-type]  # the wire checks it
        return client, seen

    async def served(
        self, customer: str, agent: AgentClient, saw: Seen, *, url: str = ""
    ) -> tuple[CustomerClient, Seen, str]:
        """Connect a customer whom the agent accepts."""
        client, seen = await self.customer(customer, url=url)
        session = (await client.start()).session
        offer = await saw.first(OpenOffer, lambda one: one.session == session)
        if not offer.auto:
            await agent.accept(offer.offer)
        await seen.first(Event, lambda event: event.kind == "assigned")
        await saw.first(SessionFrame, lambda frame: frame.session == session)
        return client, seen, session

    async def close(self) -> None:
        """Close every door."""
        await asyncio.gather(*(client.close() for client in self._open))
        await self._directory.close()

    async def _is_known(self) -> bool:
        try:
            async with CustomerClient(self.real.ws_url, self.visitor_token("nobody"), proxy=None):
                return True
        except ConnectionRefused as refused:
            if "organisation" in str(refused):
                return False
            raise


def new_shop(real: Real) -> Shop:
    """Return an organisation that no test has used."""
    return Shop(real, f"shop-{next(_numbers)}-{secrets.token_hex(2)}")
