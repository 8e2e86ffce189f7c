"""The declarative form of an organisation: what the YAML file says, and what every write obeys."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s/{}]+$")]
Level = Annotated[int, Field(ge=1, le=5)]
Positive = Annotated[float, Field(gt=0)]
Zero = Annotated[float, Field(ge=0)]


class DeclarationError(Exception):
    """The file or the change is wrong; the text names the place and what is allowed."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeclaredQueue(_Model):
    """`actors.config.QueueConfig` without its id."""

    name: str
    kind: Literal["human", "bot"] = "human"
    groups: list[Id] = []
    needs: dict[Id, Level] = {}
    priority_points: float = 0.0
    policy: Id = "longest_idle"
    units: Annotated[int, Field(ge=1)] = 1
    limit: Annotated[int, Field(ge=1)] = 10_000
    accept: Literal["manual", "auto"] = "manual"
    offer_timeout_s: Positive = 30.0
    timeout_s: Positive = 1800.0
    overflow_to: Id | None = None
    overflow_after_s: Zero | None = None
    overflow_unstaffed: bool = False
    idle_warn_s: Positive = 120.0
    idle_close_s: Positive = 120.0
    abandon_after_s: Positive = 60.0
    wrap_up_s: Zero = 60.0
    sticky_within_s: Zero = 600.0
    sticky_wait_s: Zero = 30.0
    service_level_s: Positive = 20.0


class DeclaredAgent(_Model):
    """An account. `password_env` names the variable that holds the password at import; an export
    has `password_hash` instead. Without either nobody can sign in as it."""

    name: str
    kind: Literal["human", "bot"] = "human"
    role: Literal["agent", "leader", "admin"] = "agent"
    groups: list[Id] = []
    skills: dict[Id, Level] = {}
    capacity: Annotated[int, Field(ge=1)] = 5
    enabled: bool = True
    password_env: str = ""
    password_hash: Annotated[str, Field(pattern=r"^(\$argon2id\$.*)?$", repr=False)] = ""


class DeclaredBar(_Model):
    """A blacklist entry; times are seconds since 1970."""

    kind: Literal["customer", "ip", "device"]
    value: Annotated[str, Field(min_length=1)]
    scope: Literal["all", "human"] = "all"
    starts_at: float = 0.0
    ends_at: float | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _an_address_is_one(self) -> Self:
        if self.kind == "ip":
            try:
                ipaddress.ip_network(self.value, strict=False)
            except ValueError:
                raise ValueError("value: an address or CIDR like 10.0.0.0/8") from None
        return self


class DeclaredCustomer(_Model):
    """A known customer."""

    name: str = ""
    vip: Annotated[int, Field(ge=0)] = 0
    lang: str = ""
    attributes: dict[str, str] = {}


class DeclaredSite(_Model):
    """A web site: exact origins; `secret` signs identity assertions of its own backend."""

    origins: list[str] = []
    secret: Annotated[str, Field(repr=False)] = ""


class Declared(_Model):
    """One organisation, whole."""

    org: Id
    name: str
    entry_queue: Id
    grace_s: Zero = 20.0
    origins: list[str] = []
    dispositions: list[str] = []
    vip_points: dict[int, float] = {}
    groups: dict[Id, str] = {}
    skills: dict[Id, str] = {}
    queues: dict[Id, DeclaredQueue]
    agents: dict[Id, DeclaredAgent] = {}
    blacklist: list[DeclaredBar] = []
    customers: dict[Id, DeclaredCustomer] = {}
    sites: dict[Id, DeclaredSite] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        known = sorted(self.queues)
        if self.entry_queue not in self.queues:
            raise ValueError(f"entry_queue: one of {known}; given: {self.entry_queue!r}")
        for name, queue in self.queues.items():
            _known(f"queues.{name}.groups", queue.groups, self.groups)
            _known(f"queues.{name}.needs", queue.needs, self.skills)
            _known(f"queues.{name}.overflow_to", filter(None, [queue.overflow_to]), self.queues)
        for name, agent in self.agents.items():
            _known(f"agents.{name}.groups", agent.groups, self.groups)
            _known(f"agents.{name}.skills", agent.skills, self.skills)
        return self


def _known(path: str, used: Any, known: dict[str, Any]) -> None:
    for name in used:
        if name not in known:
            raise ValueError(f"{path}: one of {sorted(known)}; given: {name!r}")


def parse(content: Any, source: str) -> Declared:
    """Return the checked organisation.

    Raises:
        DeclarationError: `source`, the path inside it, and what is allowed.
    """
    try:
        return Declared.model_validate(content)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in one['loc']) or '(whole)'}: "
            + one["msg"].removeprefix("Value error, ")
            for one in error.errors()
        ]
        raise DeclarationError(f"{source} is wrong:\n" + "\n".join(lines)) from None


def read_file(path: Path) -> Declared:
    """Return the organisation of a YAML file.

    Raises:
        DeclarationError: see `parse`; also for a file that is missing or no YAML.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeclarationError(f"{path} cannot be read: {error}") from None
    return parse(content, str(path))


def to_yaml(declared: Declared) -> str:
    """Return the YAML text; values at their default are left out."""
    content = declared.model_dump(exclude_defaults=True)
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
