"""What a knowledge base may hold: whatever is stored was checked here first.

The JSON of these forms is the JSON of `bot.knowledge`, so that a published version can be read as
such by whoever answers.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from actors.links import is_safe_url
from infra.directory.declared_rows import Id, Instant, Name, Row, Short, Text

_SEEN = r"^[^\x00]*$"
_LINE = r"^[^\x00\r\n]*[^\s\x00][^\x00\r\n]*$"

Line = Annotated[str, Field(min_length=1, max_length=2000, pattern=_LINE)]
"""A question: one line with something on it."""
Path = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]
Parent = Annotated[str, Field(max_length=300, pattern=_SEEN)]
"""Of a category, or of what is in one; empty: none."""
CATEGORIES_N = 5000
Share = Annotated[float, Field(ge=0, le=1)]
Few = Annotated[int, Field(ge=0, le=20)]


class AnswerForm(Row):
    """One thing to show: a text, an image (`url`, caption in `text`) or a card (a title or a text,
    `url` and buttons besides). Links are those that people may send, too."""

    kind: Literal["text", "image", "card"] = "text"
    text: Annotated[str, Field(max_length=20_000, pattern=_SEEN)] = ""
    title: Short = ""
    url: Annotated[str, Field(max_length=2000, pattern=r"^(https?://[^\s\x00]+|/[^\s\x00]*)?$")] = (
        ""
    )
    buttons: Annotated[list[Short], Field(max_length=10)] = Field(default=[])
    audience: Literal["customer", "agent"] = "customer"

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        shown = {"text": self.text, "image": self.url, "card": self.title or self.text}[self.kind]
        if not shown.strip():
            raise ValueError(f"there is nothing to show of this {self.kind}")
        if self.kind == "text" and (self.title or self.url or self.buttons):
            raise ValueError("a text has only `text`: use a card for the rest")
        if self.url and not is_safe_url(self.url):
            raise ValueError("url: http(s)://host/... or a path of this site (/...)")
        return self


class TopicForm(Row):
    """One thing customers ask about. Instants are seconds since 1970; `hot` above 0 shows it at
    hello, highest first."""

    question: Line
    similar: Annotated[list[Line], Field(max_length=5000)] = Field(default=[])
    answers: Annotated[list[AnswerForm], Field(max_length=50)] = Field(default=[])
    category: Parent = ""
    related: Annotated[list[Id], Field(max_length=50)] = Field(default=[])
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    enabled: bool = True
    source: Short = ""
    hot: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class CategoryForm(Row):
    """A node of the category tree; `parent` is empty at the top."""

    id: Path
    name: Name
    parent: Parent = ""


class TreeForm(Row):
    """The whole category tree of a base, in order."""

    categories: Annotated[list[CategoryForm], Field(max_length=CATEGORIES_N)] = Field(default=[])

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        parents = {one.id: one.parent for one in self.categories}
        if len(parents) < len(self.categories):
            raise ValueError("each id at most once")
        for start in parents:
            _climb(parents, start)
        return self


def _climb(parents: dict[str, str], start: str) -> None:
    seen, here = {start}, parents[start]
    while here:
        if here not in parents:
            raise ValueError(f"the parent {here!r} does not exist")
        if here in seen:
            raise ValueError(f"the category {start!r} is part of a cycle")
        seen.add(here)
        here = parents[here]


class SettingsForm(Row):
    """How a base answers; null: as calibrated. `bot.published.BaseSettings` says more."""

    answer_at: Share | None = None
    clarify_at: Share | None = None
    target_precision: Share = 0.95
    suggestions: Annotated[int, Field(ge=0, le=5)] = 5
    related: Few = 3
    hot: Few = 8
    bots: Annotated[list[Id], Field(max_length=100)] = Field(default=[])
    texts: Annotated[dict[Short, Text], Field(max_length=200)] = Field(default={})
    handoff: Annotated[dict[Short, JsonValue], Field(max_length=50)] = Field(default={})
    keep_days: Annotated[int, Field(ge=1, le=3660)] = 180

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.answer_at is not None and (self.clarify_at or 0.0) > self.answer_at:
            raise ValueError("clarify_at is at most answer_at")
        return self


class BaseForm(Row):
    """A base without its topics. `strangers` are reviewed questions that belong to no topic."""

    name: Name
    settings: SettingsForm = SettingsForm()
    strangers: Annotated[list[Line], Field(max_length=20_000)] = Field(default=[])


def dumped(form: Row | None) -> dict[str, Any] | None:
    """Return the form as JSON has it, what is at its default left out."""
    return None if form is None else form.model_dump(mode="json", exclude_defaults=True)
