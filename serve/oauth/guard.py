"""Who may pass *now*: every token of every door goes through here, and no store is asked.

A token is good if its signature and claims are (`serve.tokens`), nothing revoked it, and the
organisation's settings still know its bearer as the token says: enabled, same role, same password.
The settings and the revocation set are in memory and follow within a second; what changes for
somebody ends that person's open sockets too.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from actors.config import AgentConfig, OrgConfig
from actors.permissions import needs_account, rights_of
from infra.revocation import Revocation
from serve.gateway.evicting import Fits
from serve.identity import BadTokenError, Identity
from serve.tokens import Tokens

GONE = "This account does not exist any more."


class Foreign(Protocol):
    """Verifies tokens of identity providers (`serve.oauth.foreign`)."""

    def knows(self, token: str) -> bool:
        """Tell whether one of them may have issued it."""
        ...

    def verify(self, token: str, now: float) -> Identity:
        """Return the bearer.

        Raises:
            BadTokenError: it is not good, or its keys are not here yet.
        """
        ...


class NoForeign:
    """No identity provider's tokens are accepted."""

    def knows(self, token: str) -> bool:
        """Know none."""
        return not token and False

    def verify(self, token: str, now: float) -> Identity:
        """Refuse.

        Raises:
            BadTokenError: always.
        """
        raise BadTokenError(f"This is not one of our tokens ({len(token)} characters, {now}).")


class Sockets(Protocol):
    """The open sockets of this process (`serve.gateway.evicting`)."""

    def end_person(self, org: str, subject: str, fits: Fits) -> None:
        """Close the person's sockets for which `fits` names a reason."""
        ...

    def end_staff(self, org: str, fits: Fits) -> None:
        """The same for all staff of the organisation."""
        ...


class Guard:
    """Implements `serve.gateway.world.Verifier`. Soft state only: a new process reads it all again
    before its first socket."""

    def __init__(self, tokens: Tokens, foreign: Foreign | None = None) -> None:
        self._tokens = tokens
        self._foreign = foreign or NoForeign()
        self._ended: dict[tuple[str, str, str], Revocation] = {}
        self._configs: dict[str, OrgConfig] = {}
        self._sockets: Sockets | None = None

    def watch_over(self, sockets: Sockets) -> None:
        """End these sockets too when something ends."""
        self._sockets = sockets

    def verify(self, token: str, now: float) -> Identity:
        """Return the bearer, with the role that holds now.

        Raises:
            BadTokenError: with a sentence for the client.
        """
        if self._foreign.knows(token):
            who = self._foreign.verify(token, now)
        else:
            who = self._tokens.verify(token, now)
        reason = self.objection(who)
        if reason:
            raise BadTokenError(reason)
        return self._as_settled(who)

    def objection(self, who: Identity) -> str:
        """Return why somebody with a well-signed token may not pass; '' if nothing does."""
        return self._revoked(who) or self._changed(who)

    def revoked(self, entry: Revocation) -> None:
        """Take a new entry of the set."""
        key = (entry.org, entry.subject, entry.token or entry.family)
        known = self._ended.get(key)
        if known is not None and known.before > entry.before:
            return
        self._ended[key] = entry
        if self._sockets is not None:
            self._sockets.end_person(entry.org, entry.subject, self._revoked)

    def prune(self, now: float) -> None:
        """Forget what refuses only expired tokens."""
        self._ended = {key: one for key, one in self._ended.items() if one.until_at > now}

    def configured(self, config: OrgConfig) -> None:
        """Take an organisation's new settings."""
        known = self._configs.get(config.org)
        if known is not None and known.version > config.version:
            return
        self._configs[config.org] = config
        if self._sockets is not None:
            changed = (lambda _: "") if known is None else _changes(known, config)
            self._sockets.end_staff(config.org, lambda who: self._outdated(who) or changed(who))

    def ended_n(self) -> int:
        """Return how many entries are held."""
        return len(self._ended)

    def _revoked(self, who: Identity) -> str:
        if not self._ended:
            return ""
        ended, org, subject = self._ended, who.org, who.subject
        if (who.token_id and (org, subject, who.token_id) in ended) or (
            who.family and (org, subject, who.family) in ended
        ):
            return "This sign-in has ended: sign in again."
        whole = ended.get((org, subject, ""))
        if whole is not None and (who.auth_time or who.issued_at) <= whole.before:
            return "All sign-ins of this account have ended: sign in again."
        return ""

    def _changed(self, who: Identity) -> str:
        agent = self._agent(who)
        if agent is None:
            # A sign-in of ours is always an account's; providers' and clients' tokens have none.
            gone = who.family and who.role != "customer" and who.org in self._configs
            return GONE if gone else ""
        if not agent.enabled:
            return "This account is disabled: ask your administrator."
        if who.stamp and who.stamp != agent.stamp:
            return "The password has changed: sign in again."
        if who.family and who.role != agent.role:
            return "The role of this account has changed: get a new token."
        return ""

    def _outdated(self, who: Identity) -> str:
        """Return why an open socket may not go on: what it may do was fixed when it opened."""
        agent = self._agent(who)
        if agent is None:
            return GONE if needs_account(who.role) else ""
        if who.role != agent.role:
            return "The role of this account has changed: connect again."
        return self._changed(who)

    def _agent(self, who: Identity) -> AgentConfig | None:
        if who.role == "customer":
            return None
        config = self._configs.get(who.org)
        return None if config is None else config.agents.get(who.subject)

    def _as_settled(self, who: Identity) -> Identity:
        """The settings are newer than a token, and the only source of a local account's role."""
        agent = self._agent(who)
        if agent is None or (agent.role, agent.name) == (who.role, who.name):
            return who
        return msgspec.structs.replace(who, role=agent.role, name=agent.name, kind=agent.kind)


def _changes(old: OrgConfig, new: OrgConfig) -> Fits:
    """Return a test for whose role, or groups that bound it, mean something else now. What a socket
    may do was fixed when it opened: it connects again."""

    def changed(who: Identity) -> str:
        before, after = (rights_of(config, who.role, who.subject) for config in (old, new))
        return "" if before == after else "What your role may do has changed: connect again."

    return changed
