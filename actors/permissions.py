"""Who may do what: every permission there is, the roles that are built in, and how far they reach.

A permission is a resource and an action. Each HTTP route and each wire command declares the one it
asks for, beside itself; a role is a set of them, for the whole organisation or for the holder's own
groups only. Tokens and people name a role; what it may do is looked up in the settings in memory,
by the doors and by the actors themselves. `docs/permissions.md` is made from this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from actors.config import OrgConfig, RoleConfig


class Right(msgspec.Struct, frozen=True):
    """What a permission allows. `groups`: a role of own groups may have it; its holder then sees
    only those groups' things (whatever belongs to no group is there for all). `own`: organisations
    may put it into roles of their own."""

    about: str
    groups: bool = False
    own: bool = True


KINDS = {
    "accounts": "accounts",
    "blacklist": "the blacklist",
    "canned-replies": "canned replies",
    "customers": "known customers",
    "dispositions": "result codes",
    "groups": "groups",
    "holidays": "calendars of holidays",
    "hours": "opening hours",
    "queues": "queues",
    "roles": "the organisation's own roles",
    "settings": "settings of desks",
    "sites": "sites",
    "skills": "skills",
}


_IN_GROUPS = {
    "socket:open": "open a WebSocket and keep it open",
    "messages:send": "speak in a session that one takes part in; take back; show typing",
    "messages:aside": "say something aside, for staff only, where one takes part",
    "messages:read": "read a session that one takes part in, its history too",
    "sessions:end": "end a session that one serves, or asked for",
    "sessions:leave": "leave a session that one joined, watches or consults in",
    "sessions:transfer": "hand a session that one serves on",
    "sessions:wrap_up": "finish the wrap-up",
    "offers:answer": "be routed to: accept and decline contacts",
    "status:set": "say that one is available, on a break or offline",
    "me:update": "change one's own password and second factor",
    "me:sign_out": "end one's own sign-ins",
    "sessions:watch": "follow other people's sessions, unseen by the customer",
    "sessions:whisper": "say something aside in other people's sessions",
    "sessions:join": "speak in other people's sessions",
    "sessions:take_over": "become the serving agent of other people's sessions",
    "sessions:end_others": "end other people's sessions",
    "transcripts:read": "read the history of other people's sessions",
    "live-queues:read": "see who waits now",
    "live-agents:read": "see who is on duty now",
    "live-sessions:read": "see the sessions that run now",
    "accounts:sign_out": "end the sign-ins of other people",
    "organisation:read": "read the organisation's own settings",
}


def _rows() -> dict[str, Right]:
    found = {}
    for kind, words in KINDS.items():
        found[f"{kind}:read"] = Right(f"list and read {words}", groups=True)
        for action in ("create", "update", "delete"):
            found[f"{kind}:{action}"] = Right(f"{action} {words}")
    return found


_KNOWLEDGE = {
    "knowledge:read": Right("read knowledge bases", groups=True),
    "knowledge:create": Right("create knowledge bases and their topics"),
    "knowledge:update": Right("update knowledge bases and their topics"),
    "knowledge:delete": Right("delete knowledge bases and their topics"),
    "knowledge:import": Right("make a knowledge base as a file says"),
    "knowledge:export": Right("export a knowledge base as a file"),
    "knowledge-versions:read": Right("read published versions", groups=True),
    "knowledge-versions:create": Right("publish and restore versions"),
    "knowledge-inbox:read": Right("read questions that the bots could not answer", groups=True),
    "knowledge-inbox:update": Right("review questions that the bots could not answer"),
    "knowledge-rollouts:read": Right("read how trained versions are brought out", groups=True),
    "knowledge-rollouts:create": Right("train a version"),
    "knowledge-rollouts:update": Right("bring a trained version out, or back"),
    "bot-report:read": Right("read how well the bots do", groups=True),
}

RIGHTS: Mapping[str, Right] = {
    **{name: Right(about, groups=True) for name, about in _IN_GROUPS.items()},
    "sessions:start": Right("ask for help", own=False),
    "sessions:rate": Right("answer the survey", own=False),
    **_rows(),
    **_KNOWLEDGE,
    "decisions:read": Right("read why contacts were given to whom", groups=True),
    "tickets:read": Right("read what was asked while nobody could serve", groups=True),
    "organisation:update": Right("change the organisation's own settings"),
    "organisation:export": Right("export the whole organisation as a file"),
    "organisation:import": Right("make the organisation as a file says"),
    "audit:read": Right("read and verify the audit"),
    "organisations:read": Right("list all organisations: their ids and names", own=False),
    "organisations:create": Right("make an organisation with its first administrator", own=False),
}
"""Every permission, and what it allows."""

SUPERVISORY = frozenset(
    f"sessions:{act}" for act in ("watch", "whisper", "join", "take_over", "end_others")
)
"""Acts in other people's sessions; each that is done is recorded in the audit."""


class Permission(msgspec.Struct, frozen=True):
    """To do `action` with a `resource`; one of `RIGHTS`."""

    resource: str
    action: str

    def __post_init__(self) -> None:
        if str(self) not in RIGHTS:
            raise ValueError(f"{self}: declare it in RIGHTS of actors/permissions.py")

    def __str__(self) -> str:
        return f"{self.resource}:{self.action}"


# --- roles ---------------------------------------------------------------------------------

_ANYBODY = {"messages:read", "me:sign_out"}
_STAFF = _ANYBODY | {"me:update"}
_LIVE = {"live-queues:read", "live-agents:read", "live-sessions:read"}
_SERVES = {
    "socket:open",
    "messages:send",
    "messages:aside",
    "sessions:end",
    "sessions:leave",
    "sessions:transfer",
    "sessions:wrap_up",
    "offers:answer",
    "status:set",
}
_READS = {f"{kind}:read" for kind in KINDS} | {
    "organisation:read",
    "knowledge:read",
    "knowledge-versions:read",
    "knowledge-inbox:read",
    "knowledge-rollouts:read",
    "bot-report:read",
}
_CENTRE = {
    f"{kind}:read"
    for kind in ("accounts", "dispositions", "groups", "hours", "holidays", "queues", "skills")
} | {"organisation:read"}
_ALL = {name for name, right in RIGHTS.items() if right.own}


def _role(key: str, name: str, held: Iterable[str], *, groups_only: bool = False) -> RoleConfig:
    return RoleConfig(id=key, name=name, permissions=sorted(held), groups_only=groups_only)


BUILT_IN: Mapping[str, RoleConfig] = {
    role.id: role
    for role in (
        _role(
            "super_admin",
            "Super administrator",
            _ALL | {name for name in RIGHTS if name.startswith("organisations:")},
        ),
        _role("admin", "Administrator", _ALL),
        _role(
            "leader",
            "Leader",
            _STAFF
            | _SERVES
            | SUPERVISORY
            | _LIVE
            | _READS
            | {"transcripts:read", "accounts:sign_out", "decisions:read", "tickets:read"},
            groups_only=True,
        ),
        _role("agent", "Agent", _STAFF | _SERVES),
        _role(
            "quality_reviewer",
            "Quality reviewer",
            _STAFF
            | _LIVE
            | _CENTRE
            | {"socket:open", "sessions:watch", "sessions:leave", "transcripts:read"}
            | {"decisions:read", "tickets:read"},
        ),
        _role("viewer", "Viewer", _STAFF | _LIVE | _CENTRE),
        _role(
            "integration",
            "Integration",
            _ANYBODY
            | _LIVE
            | _CENTRE
            | {"transcripts:read"}
            | {f"customers:{act}" for act in ("read", "create", "update", "delete")},
        ),
        _role(
            "customer",
            "Customer",
            _ANYBODY
            | {"socket:open", "messages:send", "sessions:start", "sessions:end", "sessions:rate"},
        ),
    )
}
"""The roles that every organisation has; their names are taken."""

ADMINISTRATORS = ("admin", "super_admin")
"""Roles of which somebody must always be left."""
NOT_OF_ACCOUNTS = ("customer", "system")
"""Names that no account's role has: who a site or the machine itself says somebody is."""


class Rights(msgspec.Struct, frozen=True):
    """What somebody may do now. `groups`: only with things of these; None: with all."""

    permissions: frozenset[str]
    groups: frozenset[str] | None = None

    def may(self, permission: Permission | str) -> bool:
        """Tell whether the permission is among them."""
        return str(permission) in self.permissions


NOTHING = Rights(frozenset(), frozenset())


@lru_cache(maxsize=10_000)
def _frozen(permissions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(permissions)


def find_role(config: OrgConfig | None, role: str) -> RoleConfig | None:
    """Return a role: built in, or the organisation's own; None for a name that nobody has."""
    return BUILT_IN.get(role) or (None if config is None else config.roles.get(role))


def rights_of(config: OrgConfig | None, role: str, subject: str) -> Rights:
    """Return what the bearer of a role may do; an unknown role may do nothing.

    Args:
        subject: the account, whose groups bound a role of own groups.
    """
    found = find_role(config, role)
    if found is None:
        return NOTHING
    permissions = _frozen(tuple(found.permissions))
    if not found.groups_only:
        return Rights(permissions)
    agent = None if config is None else config.agents.get(subject)
    return Rights(permissions, frozenset(agent.groups if agent is not None else ()))


def label_of(role: str) -> str:
    """Return the role as metrics name it: organisations may not make labels."""
    return role if role in BUILT_IN else "own"


def needs_account(role: str) -> bool:
    """Tell whether bearers of the role must have an account in the settings: whoever is routed to,
    and whoever has a role that the organisation made. Others may come with a provider's token."""
    return role == "agent" or role not in BUILT_IN


def serves(config_roles: Mapping[str, RoleConfig], role: str) -> bool:
    """Tell whether accounts of this role are routed to."""
    found = BUILT_IN.get(role) or config_roles.get(role)
    return found is not None and "offers:answer" in found.permissions


# --- whose things --------------------------------------------------------------------------


def leads_agent(config: OrgConfig | None, rights: Rights, agent: str) -> bool:
    """Tell whether an agent is within reach: of a shared group, or, as the bearer, of none."""
    if rights.groups is None:
        return True
    known = None if config is None else config.agents.get(agent)
    return known is not None and _share(rights.groups, known.groups)


def leads_queue(config: OrgConfig | None, rights: Rights, queue: str) -> bool:
    """Tell whether a queue is within reach: a shared group serves it, or everybody does."""
    if rights.groups is None:
        return True
    known = None if config is None else config.queues.get(queue)
    return known is None or not known.groups or not rights.groups.isdisjoint(known.groups)


def leads_session(config: OrgConfig | None, rights: Rights, queue: str, agent: str) -> bool:
    """Tell whether a session is within reach: by its queue's groups, or its agent's.

    In a queue that everybody serves it is its agent's groups that count, once a person serves.

    Args:
        agent: who serves or served it, '' for nobody.
    """
    if rights.groups is None:
        return True
    known = None if config is None else config.queues.get(queue)
    groups = [] if known is None else known.groups
    if groups and not rights.groups.isdisjoint(groups):
        return True
    serving = None if config is None else config.agents.get(agent)
    if serving is None or (serving.kind == "bot" and not serving.groups):
        return not groups
    return _share(rights.groups, serving.groups)


def _share(groups: frozenset[str], theirs: Iterable[str]) -> bool:
    mine = frozenset(theirs)
    return not groups.isdisjoint(mine) if groups or mine else True
