"""Knowledge bases in SQL: edits with their history, versions that stay. SQLite and PostgreSQL."""

import json
import zlib

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bot.knowledge import Base
from infra.directory.audit import By
from infra.directory.declared import parse
from infra.directory.refusals import RefusedError
from infra.knowledge import forms as f
from infra.knowledge.rows import KnowledgeReader
from infra.knowledge.writer import Change, KnowledgeWriter
from serve.knowledge.store import read_base

pytest_plugins = ["tests.support.server_fixtures"]
BY = By(subject="ann", role="admin")
REFUND = f.TopicForm(
    question="怎么退款？",
    similar=["退钱", "refund please"],
    answers=[f.AnswerForm(text="七天内可退"), f.AnswerForm(text="内部", audience="agent")],
    related=["ship"],
    valid_from=5.0,
    source="import",
    hot=3,
)
SHIP = f.TopicForm(question="什么时候发货")
OTHER = {"org": "other", "name": "Other", "entry_queue": "q", "queues": {"q": {"name": "Q"}}}


class Editor:
    """Edits the base `faq` of the demo organisation, each time in a transaction of its own."""

    def __init__(self, directory, org="demo"):
        self.directory, self.org = directory, org
        self.reader = KnowledgeReader(directory.engine)

    async def edit(self, work):
        async with self.directory.writing(self.org, BY) as writer:
            knowledge = KnowledgeWriter(writer)
            return await work(knowledge, await knowledge.base("faq"))

    async def make(self, form=None):
        async with self.directory.writing(self.org, BY) as writer:
            return await KnowledgeWriter(writer).create_base("faq", form or f.BaseForm(name="问答"))

    async def put(self, topic, form):
        async def work(knowledge, row):
            there = await knowledge.has_topic("faq", topic)
            old = await knowledge.topic("faq", topic) if there else None
            return await knowledge.write_topic(row, Change(topic, old, form))

        return await self.edit(work)

    async def publish(self):
        draft = await self.reader.draft(self.org, "faq")
        body = json.dumps(draft.content()).encode()

        async def work(knowledge, row):
            version = await knowledge.publish(row, body, topics_n=len(draft.topics))
            knowledge.set_live(row, version.number)
            return version.number

        return await self.edit(work)

    async def live_base(self) -> Base:
        row = await self.reader.base(self.org, "faq")
        return read_base((await self.reader.version(self.org, "faq", row.live)).body)


@pytest.fixture
async def editor(demo):
    """An editor of an empty base."""
    found = Editor(demo)
    await found.make()
    return found


async def refused(code, work):
    with pytest.raises(RefusedError) as caught:
        await work
    assert caught.value.code == code


async def test_a_topic_is_read_as_it_was_written(editor):
    made = await editor.put("refund", REFUND)
    found = await editor.reader.topic("demo", "faq", "refund")
    assert (found.value, found.version) == (REFUND, made.version)
    changed = await editor.put("refund", REFUND.model_copy(update={"hot": 0}))
    assert changed.version > made.version
    assert (await editor.put("refund", changed.value)).version == changed.version


async def test_every_edit_tells_who_when_and_what_was_before(editor):
    await editor.put("refund", REFUND)
    await editor.put("refund", SHIP)
    await editor.put("refund", None)
    edits = await editor.reader.edits("demo", "faq", "topic", "refund", before=0, limit=10)
    assert [(one.action, one.actor) for one in edits] == [
        ("delete", "ann"),
        ("update", "ann"),
        ("create", "ann"),
    ]
    assert json.loads(edits[1].before)["similar"] == REFUND.similar
    assert (edits[2].before, edits[0].after) == ("", "")
    assert edits[2].at <= edits[0].at
    older = await editor.reader.edits(
        "demo", "faq", "topic", "refund", before=edits[0].number, limit=1
    )
    assert [one.number for one in older] == [edits[1].number]
    acts = await editor.directory.audit_page("demo", after=0, limit=3, filters={"actor": "ann"})
    assert [(one.action, one.row) for one in acts] == [
        (action, "faq/refund") for action in ("delete", "update", "create")
    ]


async def test_lists_filter_and_go_page_by_page(editor):
    await editor.put("refund", REFUND)
    await editor.put("ship", SHIP)

    async def ids(after="", **filters):
        found = await editor.reader.topics("demo", "faq", after=after, limit=9, filters=filters)
        return [one.id for one in found]

    assert await ids() == ["refund", "ship"]
    assert await ids("refund") == ["ship"]
    assert await ids(q="退钱") == await ids(hot=True) == await ids(source="import") == ["refund"]
    assert await ids(q="%") == await ids(category="none") == await ids(enabled=False) == []
    await refused("not_found", editor.reader.topics("demo", "none", filters={}))


async def test_another_organisation_sees_and_changes_nothing(editor):
    await editor.put("refund", REFUND)
    await editor.directory.replace(parse(OTHER, "the test"))
    other = Editor(editor.directory, "other")
    await refused("not_found", other.put("refund", REFUND))
    await refused("not_found", other.reader.topic("other", "faq", "refund"))
    assert await other.reader.bases("other") == []
    await other.make()
    await other.put("refund", SHIP)
    assert (await editor.reader.topic("demo", "faq", "refund")).value == REFUND


async def test_a_version_stays_while_the_draft_goes_on_and_may_come_back(editor):
    await editor.put("refund", REFUND)
    assert await editor.publish() == 1
    await editor.put("refund", SHIP)
    assert (await editor.live_base()).topics[0].question == REFUND.question
    assert await editor.publish() == 2
    assert (await editor.live_base()).topics[0].question == SHIP.question

    async def restore(knowledge, row):
        version = await knowledge.restore(row, 1)
        return version.number, version.restored

    assert await editor.edit(restore) == (3, 1)
    base = await editor.live_base()
    assert base.topics[0].similar == tuple(REFUND.similar)
    assert base.topics[0].answers_for("agent")[0].text == "内部"
    found = await editor.reader.versions("demo", "faq", before=0, limit=10)
    assert [(one.number, one.topics_n) for one in found] == [(3, 1), (2, 1), (1, 1)]
    assert (found[0].digest, zlib.decompress(found[0].body)) == (
        found[2].digest,
        zlib.decompress(found[2].body),
    )
    await refused("not_found", editor.edit(lambda knowledge, row: knowledge.restore(row, 9)))


async def test_the_database_refuses_to_change_a_version(editor):
    await editor.publish()
    with pytest.raises(DBAPIError, match="cannot be changed"):
        async with editor.directory.engine.begin() as connection:
            await connection.execute(sa.text("UPDATE knowledge_versions SET note = 'x'"))


async def test_an_import_writes_what_differs_and_removes_only_when_told(editor):
    await editor.put("refund", REFUND)
    await editor.put("old", SHIP)
    tree = f.TreeForm(categories=[f.CategoryForm(id="a", name="A")])
    topics = {"refund": REFUND, "ship": SHIP}

    async def bring(**how):
        return await editor.edit(
            lambda knowledge, row: knowledge.import_topics(row, topics, tree, **how)
        )

    assert await bring(replace=False) == {"created": 1, "updated": 0, "deleted": 0}
    assert (await editor.reader.tree("demo", "faq")).value == tree
    nothing = {"created": 0, "updated": 0, "deleted": 0}
    assert await bring(replace=True, keep=["old", "never"]) == nothing
    assert await bring(replace=True) == {"created": 0, "updated": 0, "deleted": 1}
    draft = await editor.reader.draft("demo", "faq")
    assert [one.id for one in draft.topics] == ["refund", "ship"]


async def test_a_category_with_topics_cannot_go(editor):
    tree = f.TreeForm(categories=[f.CategoryForm(id="a", name="A")])
    first = await editor.edit(lambda knowledge, row: knowledge.put_tree(row, tree))
    await editor.put("ship", SHIP.model_copy(update={"category": "a"}))
    empty = f.TreeForm()
    await refused("in_use", editor.edit(lambda knowledge, row: knowledge.put_tree(row, empty)))
    assert (await editor.reader.tree("demo", "faq")).version == first.version


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([("a", "b"), ("b", "a")], "cycle"),
        ([("a", "a")], "cycle"),
        ([("a", "none")], "does not exist"),
        ([("a", ""), ("a", "")], "at most once"),
    ],
)
def test_what_is_no_tree_is_refused(nodes, told):
    with pytest.raises(ValueError, match=told):
        f.TreeForm(categories=[f.CategoryForm(id=i, name=i, parent=p) for i, p in nodes])


async def test_a_base_that_is_made_again_never_has_a_version_that_it_had(editor):
    await editor.put("refund", REFUND)
    await editor.publish()
    before = await editor.reader.base("demo", "faq")
    await editor.edit(lambda knowledge, row: knowledge.delete_base(row))
    await refused("not_found", editor.reader.base("demo", "faq"))
    await editor.make()
    after = await editor.reader.base("demo", "faq")
    assert after.version > before.version
    assert after.generation > before.generation
    assert await editor.reader.versions("demo", "faq", before=0, limit=1) == []
    await refused("exists", editor.make())
