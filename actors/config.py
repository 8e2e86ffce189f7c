"""What an organisation has decided: the compiled, read-only settings the actors run on.

The directory (SQL) is the record; it publishes one `OrgConfig` per organisation, and every
actor receives the whole new value as `ConfigChanged`. A machine never asks for settings.
"""

from __future__ import annotations

from typing import Any

import msgspec


class HoursConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a queue is open; `actors.hours` reads it. Spans are minutes of the local day: the first
    inside, the first after."""

    time_zone: str
    week: list[list[tuple[int, int]]]
    """Seven lists, Monday first."""
    days: dict[str, list[tuple[int, int]]] = {}
    """Date (YYYY-MM-DD) -> spans that replace the week's: holidays; empty: closed."""


class RelaxStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a contact no longer requires once it has waited `after_s` seconds."""

    after_s: float
    needs: dict[str, int] = {}
    """Skill -> the level to which it is lowered; 0 drops it."""
    anyone: bool = False
    """Anyone in the queue's groups will do: no skill and no language."""


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of one queue. Durations are seconds, counts are whole numbers."""

    id: str
    name: str
    kind: str = "human"
    """`human` or `bot`: who serves it. Blacklist scope `human` does not bar a bot queue."""
    groups: list[str] = []
    """Groups whose agents serve this queue; empty: every agent of the organisation."""
    needs: dict[str, int] = {}
    """Skill -> lowest level (1-5) that a contact of this queue requires."""
    priority_points: float = 0.0
    policy: str = "longest_idle"
    weights: dict[str, float] = {}
    """Agent -> its share of this queue's contacts, for policies that weigh; not named: 1."""
    policy_params: dict[str, Any] = {}
    """Parameters of the policy (`policies.parameters`), checked when they are saved."""
    units: int = 1
    """Capacity units that one contact of this queue takes."""
    channel: str = "chat"
    """What its contacts come by; agents may bound the units that they hold of one."""
    match_language: bool = False
    """Only agents who speak the customer's language, where that is known."""
    relax: list[RelaxStep] = []
    """By ascending `after_s`; each step adds to those before it."""
    named_wait_s: float = 120.0
    """A contact for one agent only (a transfer to a person) waits for it this long at most."""
    quota_per_day: int | None = None
    """Most contacts of this queue that one agent accepts a day, in the hours' time zone (else
    UTC)."""
    limit: int = 10_000
    """Most contacts waiting; a fifth of it is kept for transfers and re-queued contacts."""
    accept: str = "manual"
    """`manual`: the agent clicks accept; `auto`: an offer is an assignment."""
    offer_timeout_s: float = 30.0
    timeout_s: float = 1800.0
    """A contact that waited this long is closed with `queue_timeout`."""
    overflow_to: str | None = None
    overflow_after_s: float | None = None
    """Waited this long -> moves to `overflow_to`; at once when nobody serves the queue and
    `overflow_unstaffed` is set."""
    overflow_unstaffed: bool = False
    overflow_eta_s: float | None = None
    """An estimated wait above this moves a contact on, too."""
    overflow_message: bool = False
    """Whoever would move on, but has no queue to move to, is asked to leave a message."""
    message_unstaffed: bool = False
    """So is whoever comes while nobody serves the queue."""
    idle_warn_s: float = 120.0
    idle_close_s: float = 120.0
    abandon_after_s: float = 60.0
    """A waiting customer without any device for this long has abandoned."""
    wrap_up_s: float = 60.0
    """Longest wrap-up; 0: none. The slot is held until the agent sends the disposition."""
    sticky_within_s: float = 600.0
    sticky_wait_s: float = 30.0
    """The agent of a session that ended under `sticky_within_s` ago, else the last human agent,
    is waited for at most `sticky_wait_s`; 0 turns stickiness off."""
    service_level_s: float = 20.0
    hours: HoursConfig | None = None
    """None: always open."""


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One agent, human or bot."""

    id: str
    name: str
    kind: str = "human"
    role: str = "agent"
    """A role of `actors.permissions.BUILT_IN`, or one of the organisation's own."""
    serves: bool = True
    """Its role is routed to."""
    groups: list[str] = []
    skills: dict[str, int] = {}
    capacity: int = 5
    """Capacity units held at once."""
    channels: dict[str, int] = {}
    """Channel -> most units of it held at once, within `capacity`."""
    languages: list[str] = []
    """Primary subtags (`zh`, `en`) of the languages it speaks."""
    enabled: bool = True
    stamp: str = ""
    """Changes with the password (`infra.revocation_stamp`): older sign-ins then count no more."""

    @property
    def works(self) -> bool:
        """Whether contacts may be routed here at all."""
        return self.enabled and self.serves


class RoleConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role: what its bearers may do (`actors.permissions`)."""

    id: str
    name: str
    permissions: list[str]
    groups_only: bool = False
    """Only with things of the bearer's own groups."""


class BlacklistEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who may not be served. `kind` is customer, ip (address or CIDR) or device."""

    kind: str
    value: str
    scope: str = "all"
    """`all`, or `human`: the bot may still answer."""
    starts_at: float = 0.0
    ends_at: float | None = None
    reason: str = ""


class OrgConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything the actors of one organisation need to know; replaced whole."""

    org: str
    version: int
    entry_queue: str
    queues: dict[str, QueueConfig]
    agents: dict[str, AgentConfig]
    blacklist: list[BlacklistEntry] = []
    vip_points: dict[int, float] = {}
    """VIP level -> priority points (60 s of virtual waiting each)."""
    grace_s: float = 20.0
    """An agent whose last device is gone keeps the sessions for this long."""
    log_people_per_s: float | None = None
    """How many agents and contacts a second the decision log may hold in whole rounds; above it a
    lot decides which rounds are whole. 0: no decision log; None: as the operator has set."""
    origins: list[str] = []
    """Exact web origins whose pages may open a customer socket."""
    dispositions: list[str] = []
    solved_by: dict[str, bool] = {}
    """Disposition, by its name or its id -> whether it says that the customer's matter was solved;
    not named: it says neither."""
    roles: dict[str, RoleConfig] = {}
    """The organisation's own, beside those that are built in."""
