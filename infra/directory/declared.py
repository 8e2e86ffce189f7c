"""The declarative form of an organisation: what the YAML file says, and what every write obeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from infra.directory.declared_rows import (
    DeclaredAgent,
    DeclaredBar,
    DeclaredCustomer,
    DeclaredDisposition,
    DeclaredHolidays,
    DeclaredHours,
    DeclaredQueue,
    DeclaredReply,
    DeclaredRole,
    DeclaredSettings,
    DeclaredSite,
    Id,
    Name,
    NameOrRow,
    Origin,
    Points,
    RoleId,
    Row,
    SettingsId,
    Vip,
    Zero,
)
from infra.directory.references import references

__all__ = [
    "DeclarationError",
    "Declared",
    "DeclaredAgent",
    "DeclaredBar",
    "DeclaredCustomer",
    "DeclaredQueue",
    "DeclaredSite",
    "Head",
    "explain",
    "parse",
    "parse_yaml",
    "read_file",
    "to_yaml",
]
SHOWN_N = 20


class DeclarationError(Exception):
    """The file or the change is wrong; the text names the place and what is allowed."""


def _numbered(value: Any) -> Any:
    """A plain list of names is allowed: they get the ids d1, d2, ..."""
    if not isinstance(value, list):
        return value
    return {f"d{n}": {"name": name, "position": n} for n, name in enumerate(value, 1)}


class Head(Row):
    """An organisation's own settings: limits and routing that are no queue's."""

    name: Name
    entry_queue: Id
    grace_s: Zero = 20.0
    origins: Annotated[list[Origin], Field(max_length=1000)] = Field(default=[])
    vip_points: Annotated[dict[Vip, Points], Field(max_length=100)] = Field(default={})


class Declared(Head):
    """One organisation, whole."""

    org: Id
    dispositions: Annotated[dict[Id, DeclaredDisposition], BeforeValidator(_numbered)] = Field(
        default={}
    )
    groups: dict[Id, NameOrRow] = Field(default={})
    skills: dict[Id, NameOrRow] = Field(default={})
    holidays: dict[Id, DeclaredHolidays] = Field(default={})
    hours: dict[Id, DeclaredHours] = Field(default={})
    queues: dict[Id, DeclaredQueue]
    roles: dict[RoleId, DeclaredRole] = Field(default={})
    agents: dict[Id, DeclaredAgent] = Field(default={})
    blacklist: list[DeclaredBar] = Field(default=[])
    customers: dict[Id, DeclaredCustomer] = Field(default={})
    sites: dict[Id, DeclaredSite] = Field(default={})
    canned_replies: dict[Id, DeclaredReply] = Field(default={})
    settings: dict[SettingsId, DeclaredSettings] = Field(default={})

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        _check("", references("", self.head()), self)
        for part in ("hours", "queues", "agents", "canned_replies", "settings"):
            for key, row in getattr(self, part).items():
                _check(f"{part}.{key}.", references(key, row), self)
        return self

    def head(self) -> Head:
        """Return the organisation's own settings."""
        return Head(**{name: getattr(self, name) for name in Head.model_fields})


def _check(path: str, used: Iterable[Any], whole: Declared) -> None:
    for ref in used:
        known = getattr(whole, ref.part)
        if ref.id not in known:
            raise ValueError(unknown(path + ref.path, sorted(known), ref.id))


def unknown(path: str, known: list[str], given: str) -> str:
    """Return the sentence about a reference to what is not there."""
    more = ", ..." if len(known) > SHOWN_N else ""
    return f"{path}: one of {known[:SHOWN_N]}{more}; given: {given!r}"


def explain(error: ValidationError) -> list[tuple[str, str]]:
    """Return (path inside, what is allowed) for each mistake; the values themselves are left out,
    one of them may be a password."""
    return [
        (".".join(str(part) for part in one["loc"]), one["msg"].removeprefix("Value error, "))
        for one in error.errors(include_input=False, include_url=False)
    ]


def parse(content: Any, source: str) -> Declared:
    """Return the checked organisation.

    Raises:
        DeclarationError: `source`, the path inside it, and what is allowed.
    """
    try:
        return Declared.model_validate(content)
    except ValidationError as error:
        lines = [f"  {path or '(whole)'}: {told}" for path, told in explain(error)]
        raise DeclarationError(f"{source} is wrong:\n" + "\n".join(lines)) from None


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a few lines of them stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken here")
        return super().compose_node(parent, index)


def parse_yaml(text: str, source: str, *, trusted: bool = False) -> Declared:
    """Return the organisation that a YAML text declares.

    Args:
        trusted: it comes from this machine, and may use aliases.

    Raises:
        DeclarationError: see `parse`; also for a text that is no YAML.
    """
    try:
        content = yaml.load(text, yaml.SafeLoader if trusted else _Plain)  # noqa: S506  # both safe
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DeclarationError(f"{source} cannot be read: {error}") from None
    return parse(content, source)


def read_file(path: Path) -> Declared:
    """Return the organisation of a YAML file.

    Raises:
        DeclarationError: see `parse`; also for a file that is missing or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path} cannot be read: {error}") from None
    return parse_yaml(text, str(path), trusted=True)


def to_yaml(declared: Declared, *, secrets: bool = True) -> str:
    """Return the YAML text; values at their default are left out.

    Args:
        secrets: with password hashes and the sites' secrets.
    """
    hidden: Mapping[str, Any] = {
        "agents": {"__all__": {"password_hash"}},
        "sites": {"__all__": {"secret"}},
    }
    content = declared.model_dump(
        mode="json", exclude_defaults=True, exclude=None if secrets else dict(hidden)
    )
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def dumped(row: BaseModel) -> dict[str, Any]:
    """Return the row as JSON has it."""
    return row.model_dump(mode="json")
