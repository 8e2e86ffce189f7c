"""Teaches the demo organisation's bot what `infra/demo_base.yaml` says."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from bot.tables import import_base
from infra.directory.audit import COMMAND_LINE
from infra.directory.store import Directory
from infra.knowledge.forms import BaseForm, CategoryForm, TopicForm, TreeForm
from infra.knowledge.writer import KnowledgeWriter

FILE = Path(__file__).resolve().parent.parent / "infra" / "demo_base.yaml"
BASE = "faq"
NAME = "常见问题 FAQ"


async def teach_demo(directory: Directory, org: str) -> int:
    """Store the demo base as a draft and as version 1, live; return how many topics it has.

    Raises:
        ValueError: the file holds something that cannot be taken.
    """
    data = FILE.read_bytes()
    found = import_base(data, "yaml", name=BASE, now=time.time(), all_or_none=True, org=org)
    if found.base is None:
        raise ValueError(f"{FILE.name}: {[*found.bad, *found.problems][:5]}")
    content = msgspec.to_builtins(found.base)
    topics = {
        topic["id"]: TopicForm.model_validate({k: v for k, v in topic.items() if k != "id"})
        for topic in content["topics"]
    }
    tree = TreeForm(categories=[CategoryForm(**one) for one in content["categories"]])
    async with directory.writing(org, COMMAND_LINE) as writer:
        knowledge = KnowledgeWriter(writer)
        await knowledge.create_base(BASE, BaseForm(name=NAME))
        row = await knowledge.base(BASE)
        await knowledge.import_topics(row, topics, tree, replace=False)
        body = msgspec.json.encode(msgspec.structs.replace(found.base, id=BASE, name=NAME))
        version = await knowledge.publish(row, body, topics_n=len(topics), note="demo")
        knowledge.set_live(row, version.number)
    return len(topics)
