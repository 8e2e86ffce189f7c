"""What the routes of knowledge bases take and give: made from the forms that are stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from infra.directory.declared_rows import Id, Name, Row
from infra.knowledge.forms import BaseForm, Line, Parent, Path, TopicForm, TreeForm
from serve.admin.forms import Version

Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class KnowledgeBaseWrite(BaseForm):
    """A base without its topics."""


class KnowledgeBaseCreate(BaseForm):
    """A new base."""

    id: Id


class KnowledgeBaseRead(BaseForm):
    """A base: `live` is the version that answers (0: none), `candidate` one on trial."""

    id: Id
    version: Version
    live: int
    candidate: int
    stage: str
    versions: int
    edited: int
    """Grows with every edit: what is not published has a higher one."""


class KnowledgeBasePage(Row):
    """A page of bases."""

    items: list[KnowledgeBaseRead]
    next: str | None


class TopicWrite(TopicForm):
    """A topic."""


class TopicCreate(TopicForm):
    """A new topic; without `id` it gets one."""

    id: Id | None = None


class TopicRead(TopicForm):
    """A topic as it is read."""

    id: Id
    version: Version


class TopicPage(Row):
    """A page of topics."""

    items: list[TopicRead]
    next: str | None


class TreeWrite(TreeForm):
    """The whole category tree."""


class TreeRead(TreeForm):
    """The whole category tree as it is read."""

    version: Version


class CategoryWrite(Row):
    """A category; `parent` is empty at the top."""

    name: Name
    parent: Parent = ""


class CategoryCreate(CategoryWrite):
    """A new category, the last below its parent; without `id` it gets one."""

    id: Path | None = None


class CategoryRead(CategoryWrite):
    """A category as it is read."""

    id: Path
    version: Version


class EditRead(Row):
    """One edit. `at` is seconds since 1970; `before` and `after` leave defaults out."""

    number: int
    action: str
    at: float
    actor: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class EditPage(Row):
    """A page of a topic's history, newest first."""

    items: list[EditRead]
    next: str | None


class PublishWrite(Row):
    """What to publish: the draft as it is, with a note."""

    note: Note = ""


class VersionRead(Row):
    """A published version. `restored`: the version that it repeats, 0 for new content."""

    number: int
    at: float
    by: str
    note: str
    restored: int
    topics: int
    digest: str
    live: bool


class VersionPage(Row):
    """A page of versions, newest first."""

    items: list[VersionRead]
    next: str | None


class BadRowRead(Row):
    """A row that was not imported, and why. `number` is its line in the file."""

    number: int
    reason: str


class FindingRead(Row):
    """What is wrong with a base. Errors keep it from being published."""

    code: str
    topic: str
    detail: str
    severity: Literal["error", "warning"]


class ImportRead(Row):
    """What an import did, or would do. Not `imported`: nothing was written."""

    imported: bool
    created: int
    updated: int
    deleted: int
    bad: list[BadRowRead]
    findings: list[FindingRead]


class CheckRead(Row):
    """What is wrong with the draft, errors first. `few`: topics that need more phrasings."""

    publishable: bool
    topics: int
    few: list[str]
    findings: list[FindingRead]


class WeakTopicRead(Row):
    """A topic that needs more phrasings. `found`: the share of its own wordings, each held out in
    turn, that led to it; null: too few to say."""

    topic: str
    question: str
    wordings_n: int
    held_n: int
    found: float | None
    why: Literal["few_phrasings", "not_found"]


class WeakRead(Row):
    """The draft's weak topics, the worst first; `total` counts also those that are not told."""

    total: int
    topics: list[WeakTopicRead]


class SearchWrite(Row):
    """A question to try: on the draft, or on what is live."""

    question: Annotated[str, Field(max_length=10_000)]
    what: Literal["draft", "live"] = "draft"
    audience: Literal["customer", "agent"] = "customer"


class SearchRead(Row):
    """Why a question got its answer, as `bot.decisions.Decision` tells it."""

    version: int
    decision: dict[str, Any]


class InboxQuestion(Row):
    """A question in the inbox."""

    id: str
    at: float
    text: str
    band: str
    topic: str
    probability: float | None
    rating: int
    handoff: str
    used: str


class ClusterRead(Row):
    """Questions that are alike: a name for them, the questions, the topic they are nearest to."""

    name: str
    questions: list[InboxQuestion]
    topic: str
    size: int


class InboxRead(Row):
    """The inbox: clusters, largest first. `waiting` counts the questions, `clustered` those that
    were looked at."""

    waiting: int
    clustered: int
    clusters: list[ClusterRead]


class ReviewWrite(Row):
    """What to do with questions of the inbox. `similar`: add them to `topic`; `topic`: make the
    topic `topic` of them, with `question` as its standard question; `stranger`: they belong to
    nothing here; `ignore`: forget them."""

    questions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=1000),
    ]
    decision: Literal["similar", "topic", "stranger", "ignore"]
    topic: Id | None = None
    question: Line | None = None

    @model_validator(mode="after")
    def _names_a_topic(self) -> Self:
        if self.decision in ("similar", "topic") and self.topic is None:
            raise ValueError("name the topic")
        return self


class ReviewRead(Row):
    """What was done: questions reviewed; put aside to examine new versions with; new wordings in
    the draft."""

    reviewed: int
    held: int
    added: int
    topic: str


class RolloutWrite(Row):
    """Train a version from the draft. `automatic`: it goes on by itself while its figures are
    good, and back when they are not."""

    note: Note = ""
    automatic: bool = True


class RolloutStep(Row):
    """Where a roll-out went, when, by whom and why."""

    stage: str
    at: float
    by: str
    why: str


class RolloutRead(Row):
    """A roll-out: the machine's state, see `bot.rollout`."""

    number: int
    stage: str
    version: int
    automatic: bool
    gate: dict[str, Any] | None
    steps: list[RolloutStep]


class RolloutPage(Row):
    """A page of roll-outs, newest first."""

    items: list[RolloutRead]
    next: str | None


class RolloutMove(Row):
    """The next step of a roll-out."""

    to: Literal["advance", "roll_back"]
