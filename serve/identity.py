"""Who a verified token says is at the door."""

from __future__ import annotations

import msgspec

from actors.messages import Customer, Person, Role


class BadTokenError(Exception):
    """The token proves nothing. The text is for the client: what to do next, no internals."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The bearer of a verified token. The organisation only ever comes from here."""

    org: str
    subject: str
    role: Role
    name: str = ""
    kind: str = "human"
    expires_at: float = 0.0
    site: str = ""
    device: str = ""
    lang: str = ""
    vip: int = 0
    attributes: dict[str, str] = {}
    token_id: str = ""
    client_id: str = ""
    """The OAuth client that the token was issued to."""
    family: str = ""
    """The sign-in that the token descends from (`sid`); it ends with its refresh tokens."""
    auth_time: float = 0.0
    """When the bearer signed in, by the clock that revocations are stamped with; 0: unknown."""
    issued_at: float = 0.0
    stamp: str = ""
    """Changes with the account's password: see `serve.oauth.guard`."""

    @property
    def person(self) -> Person:
        """The bearer as actors name whoever acts."""
        return Person(id=self.subject, role=self.role, name=self.name, kind=self.kind)

    def customer(self, ip: str) -> Customer:
        """The bearer as a customer calling from `ip`."""
        return Customer(
            id=self.subject,
            name=self.name,
            vip=self.vip,
            lang=self.lang,
            attributes=self.attributes,
            ip=ip,
            device=self.device,
        )
