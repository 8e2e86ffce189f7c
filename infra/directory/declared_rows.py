"""The rows of an organisation as people write them: in YAML, and as the administration API takes
them. Whatever is stored was checked here first."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import itertools
import re
import zoneinfo
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from actors.permissions import BUILT_IN, NOT_OF_ACCOUNTS, RIGHTS
from infra.directory.spans import Span, check_apart

YEAR_S = 366 * 24 * 3600.0
VARIABLES = ("customer_name", "agent_name", "queue_name", "organisation_name", "session_id")
"""What a canned reply may hold between double braces."""

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s/{}\x00]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Short = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
Level = Annotated[int, Field(ge=1, le=5)]
Positive = Annotated[float, Field(gt=0, le=YEAR_S)]
Zero = Annotated[float, Field(ge=0, le=YEAR_S)]
Instant = Annotated[float, Field(ge=0, le=1e11)]
Points = Annotated[float, Field(ge=-1e6, le=1e6)]
Vip = Annotated[int, Field(ge=0, le=1000)]


def _is_origin(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/*@\x00-\x1f]+", text):
        raise ValueError("an exact origin like https://shop.example")
    return text


def _is_zone(text: str) -> str:
    if text not in zoneinfo.available_timezones():
        raise ValueError("a time zone like Asia/Shanghai")
    return text


def _is_free(text: str) -> str:
    if text in BUILT_IN or text in NOT_OF_ACCOUNTS:
        raise ValueError("a name that no built-in role has")
    return text


def _is_of_accounts(text: str) -> str:
    if text in NOT_OF_ACCOUNTS:
        raise ValueError("a role that an account may have")
    return text


def _is_permission(text: str) -> str:
    right = RIGHTS.get(text)
    if right is None or not right.own:
        raise ValueError("a permission of docs/permissions.md that organisations may grant")
    return text


RoleId = Annotated[Id, AfterValidator(_is_free)]
RoleName = Annotated[Id, AfterValidator(_is_of_accounts)]
PermissionName = Annotated[str, Field(max_length=100), AfterValidator(_is_permission)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,8}$")]
"""The primary subtag of a language, such as zh or en."""
Origin = Annotated[str, Field(max_length=300), AfterValidator(_is_origin)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_is_zone)]


class Row(BaseModel):
    """Base of all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Named(Row):
    """A group, or a skill. In YAML its name alone is enough."""

    name: Name


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


NameOrRow = Annotated[Named, BeforeValidator(_named)]


class DeclaredRole(Row):
    """A role of the organisation's own. `groups_only`: its bearers see and reach their own groups
    only; then it may hold what makes sense within a group."""

    name: Name
    permissions: Annotated[list[PermissionName], Field(max_length=200)] = []
    groups_only: bool = False

    @field_validator("permissions")
    @classmethod
    def _once(cls, permissions: list[str]) -> list[str]:
        return sorted(set(permissions))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        whole = [one for one in self.permissions if not RIGHTS[one].groups]
        if self.groups_only and whole:
            raise ValueError(f"groups_only: not with {whole[0]}, which is about the whole")
        return self


class DeclaredDisposition(Row):
    """A result code that an agent gives a session in the wrap-up; `position` orders the list.
    `solved`: whether it says that the customer's matter was solved; none: it says neither."""

    name: Name
    position: Annotated[int, Field(ge=0, le=10_000)] = 0
    enabled: bool = True
    solved: bool | None = None


class DeclaredHoliday(Row):
    """A day that differs from the week: closed, or open in these spans only."""

    date: dt.date
    name: Short = ""
    open: Annotated[list[Span], Field(max_length=24), AfterValidator(check_apart)] = []


class DeclaredHolidays(Row):
    """A calendar of such days; hours refer to it."""

    name: Name
    days: Annotated[list[DeclaredHoliday], Field(max_length=4000)] = []

    @field_validator("days")
    @classmethod
    def _once(cls, days: list[DeclaredHoliday]) -> list[DeclaredHoliday]:
        if len({day.date for day in days}) < len(days):
            raise ValueError("each date at most once")
        return sorted(days, key=lambda day: day.date)


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Spans = Annotated[list[Span], Field(max_length=24), AfterValidator(check_apart)]


class DeclaredHours(Row):
    """When queues are open, in a time zone's local time; a day that is not named is closed. A span
    that crosses midnight is written as two."""

    name: Name
    time_zone: Zone = "Asia/Shanghai"
    week: dict[Weekday, Spans] = {}
    holidays: Annotated[list[Id], Field(max_length=50)] = []


class DeclaredRelaxStep(Row):
    """What a contact no longer requires once it has waited `after_s` seconds in the queue: `needs`
    lowers skills (0 drops one); `anyone`: no skill and no language."""

    after_s: Positive
    needs: Annotated[dict[Id, Annotated[int, Field(ge=0, le=5)]], Field(max_length=100)] = {}
    anyone: bool = False

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.needs and not self.anyone:
            raise ValueError("needs, anyone: at least one of them")
        return self


def _check_steps(steps: list[DeclaredRelaxStep]) -> list[DeclaredRelaxStep]:
    if any(a.after_s >= b.after_s for a, b in itertools.pairwise(steps)):
        raise ValueError("after_s: each later than the one before")
    return steps


Steps = Annotated[list[DeclaredRelaxStep], Field(max_length=20), AfterValidator(_check_steps)]
Share = Annotated[float, Field(ge=0, le=1e6)]


class DeclaredQueue(Row):
    """`actors.config.QueueConfig` without its id; `hours` names hours, none: always open. Whether
    there is such a policy is asked when it is written (`Writer.write`), not when it is read: what
    is stored stays readable when a policy goes."""

    name: Name
    kind: Literal["human", "bot"] = "human"
    groups: Annotated[list[Id], Field(max_length=1000)] = []
    needs: Annotated[dict[Id, Level], Field(max_length=100)] = {}
    hours: Id | None = None
    priority_points: Points = 0.0
    policy: Id = "longest_idle"
    policy_params: dict[str, Any] = {}
    weights: Annotated[dict[Id, Share], Field(max_length=10_000)] = {}
    units: Annotated[int, Field(ge=1, le=1000)] = 1
    channel: Id = "chat"
    match_language: bool = False
    relax: Steps = []
    named_wait_s: Positive = 120.0
    quota_per_day: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    limit: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    accept: Literal["manual", "auto"] = "manual"
    offer_timeout_s: Positive = 30.0
    timeout_s: Positive = 1800.0
    overflow_to: Id | None = None
    overflow_after_s: Zero | None = None
    overflow_unstaffed: bool = False
    overflow_eta_s: Zero | None = None
    overflow_message: bool = False
    message_unstaffed: bool = False
    idle_warn_s: Positive = 120.0
    idle_close_s: Positive = 120.0
    abandon_after_s: Positive = 60.0
    wrap_up_s: Zero = 60.0
    sticky_within_s: Zero = 600.0
    sticky_wait_s: Zero = 30.0
    service_level_s: Positive = 20.0


class PublicAgent(Row):
    """An account without what proves who it is."""

    name: Name
    kind: Literal["human", "bot"] = "human"
    role: RoleName = "agent"
    groups: Annotated[list[Id], Field(max_length=1000)] = []
    skills: Annotated[dict[Id, Level], Field(max_length=1000)] = {}
    capacity: Annotated[int, Field(ge=1, le=100_000)] = 5
    channels: Annotated[
        dict[Id, Annotated[int, Field(ge=0, le=100_000)]], Field(max_length=50)
    ] = {}
    languages: Annotated[list[Language], Field(max_length=50)] = []
    enabled: bool = True


class DeclaredAgent(PublicAgent):
    """An account. `password_env` names the variable that holds the password at import; an export
    has `password_hash` instead. Without either nobody can sign in as it."""

    password_env: Short = ""
    password_hash: Annotated[
        str, Field(max_length=500, pattern=r"^(\$argon2id\$[^\x00]*)?$", repr=False)
    ] = ""


class PublicBar(Row):
    """A blacklist entry; times are seconds since 1970."""

    kind: Literal["customer", "ip", "device"]
    value: Name
    scope: Literal["all", "human"] = "all"
    starts_at: Instant = 0.0
    ends_at: Instant | None = None
    reason: Short = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.kind == "ip":
            try:
                ipaddress.ip_network(self.value, strict=False)
            except ValueError:
                raise ValueError("value: an address or CIDR like 10.0.0.0/8") from None
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: after starts_at")
        return self


class DeclaredBar(PublicBar):
    """A blacklist entry of a file. Without an `id` it has the one of its content, so that an entry
    that is there already stays one."""

    id: Id | None = None

    def key(self) -> str:
        """Return the entry's id."""
        content = repr((self.kind, self.value, self.scope, self.starts_at, self.ends_at))
        return self.id or "b" + hashlib.sha256(content.encode()).hexdigest()[:20]


class DeclaredCustomer(Row):
    """A known customer."""

    name: Short = ""
    vip: Vip = 0
    lang: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9-]*$")] = ""
    attributes: Annotated[dict[Short, Text], Field(max_length=100)] = {}


class SiteLook(Row):
    """How the chat window looks on a site."""

    title: Short = ""
    greeting: Text = ""
    colour: Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6})?$")] = ""
    language: Literal["", "zh", "en"] = ""
    side: Literal["right", "left"] = "right"


class PublicSite(Row):
    """A web site without its secret: exact origins, and the window's look."""

    name: Short = ""
    origins: Annotated[list[Origin], Field(max_length=100)] = []
    look: SiteLook = SiteLook()
    enabled: bool = True


class DeclaredSite(PublicSite):
    """A web site; `secret` signs identity assertions of its own backend."""

    secret: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$", repr=False)] = ""


class DeclaredReply(Row):
    """A canned reply: `owner`'s own, or shared with `group`, or with everybody. `folder` groups
    replies in the list. Variables stand between double braces: {{customer_name}}."""

    title: Name
    text: Text
    folder: Short = ""
    owner: Id | None = None
    group: Id | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.owner is not None and self.group is not None:
            raise ValueError("owner, group: one of them at most")
        for found in re.findall(r"\{\{(.*?)\}\}", self.text, re.DOTALL):
            if found.strip() not in VARIABLES:
                raise ValueError(f"text: variables are {', '.join(VARIABLES)}; given: {found!r}")
        return self


class DeclaredSettings(Row):
    """What a desk looks and sounds like. Set for the organisation, a group or a person; the nearest
    that is set counts."""

    language: Literal["zh", "en"] | None = None
    time_zone: Zone | None = None
    theme: Literal["system", "light", "dark"] | None = None
    sound: bool | None = None
    desktop_notifications: bool | None = None
    enter_sends: bool | None = None
    show_typing: bool | None = None
    greeting: Text | None = None


SettingsId = Annotated[
    str, Field(max_length=137, pattern=r"^(organisation|(group|account):[^\s/{}\x00]{1,128})$")
]
"""`organisation`, `group:<id>` or `account:<id>`."""
