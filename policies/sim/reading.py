"""Scenario files in, scenarios out, or an error that says where and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policies.sim.scenario import ContactType, Group, Scenario


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers: 1.1 would read the clock time 12:30 as the number 750."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in known if not tag.endswith((":int", ":float"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan)$", re.IGNORECASE
    ),
    list("-+.0123456789"),
)


class ScenarioError(ValueError):
    """A scenario that cannot be run. The text names the file, the field and what is allowed."""


def read_scenario(path: str | Path) -> Scenario:
    """Return the scenario in a YAML file.

    Raises:
        ScenarioError: the file is missing, not YAML, or says something that is not allowed.
    """
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ScenarioError(f"{path}: is not YAML: {' '.join(str(error).split())}") from error
    return make_scenario(data, source=str(path))


def make_scenario(data: Any, source: str = "scenario") -> Scenario:
    """Return the scenario that `data`, as read from YAML or JSON, describes.

    Raises:
        ScenarioError: something is not allowed; the text starts with `source`.
    """
    if not isinstance(data, dict):
        raise ScenarioError(f"{source}: must be a mapping with {', '.join(Scenario.model_fields)}")
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        problems = [f"{source}: {_told(problem)}" for problem in error.errors()]
        raise ScenarioError("\n".join(problems)) from error


def _told(problem: ErrorDetails) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        text = f"unknown field; allowed: {', '.join(_fields_at(problem['loc'][:-1]))}"
    if problem["type"] == "value_error" and where:
        return f"{where}.{text}" if ": " in text.split(" ")[0] + " " else f"{where}: {text}"
    return f"{where}: {text}" if where else text


def _fields_at(path: tuple[int | str, ...]) -> list[str]:
    """Return the fields allowed at a place of a scenario."""
    model: type[BaseModel] = Scenario
    named: dict[str, type[BaseModel]] = {"types": ContactType, "groups": Group}
    for part in path:
        if part in named and model is Scenario:
            model = named[str(part)]
            continue
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the part that an annotation such as `list[Rate]` or `Duration | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
