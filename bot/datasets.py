"""Public sets of questions as knowledge bases: what to learn from, and what to be examined on.

banking77: a folder with train.csv and test.csv, columns text,category (Casanueva et al., 2020); any
set of that shape is read the same way. clinc150: data_full.json (Larson et al., 2019).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from bot.knowledge import Base, Topic

Name = Literal["banking77", "clinc150", "csv"]
Asked = tuple[str, str]
"""A question and the id of its topic, empty for a stranger."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A set. `base` is made of the training split alone; `validation` may be used to choose,
    `test` only to report."""

    name: Name
    train: list[Asked]
    test: list[Asked]
    validation: list[Asked] = []
    strangers: list[str] = []
    """Strangers of the training split."""

    def base(self) -> Base:
        """Return the training split as a base: a topic per category, in order of its name."""
        return base_of(self.train, self.name, self.strangers)


class DatasetError(ValueError):
    """The folder does not hold the set; the text says what is missing."""


def load_dataset(name: Name, folder: Path) -> Dataset:
    """Return the set that lies in `folder`.

    Raises:
        DatasetError: a file is missing or not of the set's shape.
    """
    try:
        if name == "clinc150":
            return _clinc(folder)
        train, test = (_csv(folder / f"{part}.csv") for part in ("train", "test"))
        return Dataset(name=name, train=train, test=test)
    except (OSError, KeyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder} does not hold {name}: {error}") from error


def base_of(asked: Iterable[Asked], name: str, strangers: Sequence[str] = ()) -> Base:
    """Return questions with their topics as a base; the first wording is the standard one."""
    wordings: defaultdict[str, list[str]] = defaultdict(list)
    for text, topic in asked:
        if topic:
            wordings[topic].append(text)
    topics = (
        Topic(id=topic, question=texts[0], similar=tuple(texts[1:]))
        for topic, texts in sorted(wordings.items())
    )
    return Base(id=name, name=name, topics=tuple(topics), strangers=tuple(strangers))


def read_reviewed(path: Path) -> list[Asked]:
    """Return reviewed questions from a CSV with the columns text and category (or topic); an empty
    one, or `oos`, says that the question belongs to no topic.

    Raises:
        DatasetError: the file cannot be read, or lacks a column.
    """
    try:
        return [(text, "" if topic == "oos" else topic) for text, topic in _csv(path)]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} holds no reviewed questions: {error}") from error


def _csv(path: Path) -> list[Asked]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    topic = "topic" if rows and "topic" in rows[0] else "category"
    return [(row["text"], (row[topic] or "").strip()) for row in rows]


def _clinc(folder: Path) -> Dataset:
    data = (folder / "data_full.json").read_bytes()
    parts = msgspec.json.decode(data, type=dict[str, list[Asked]])
    strangers = {part: [(text, "") for text, _ in parts[f"oos_{part}"]] for part in ("val", "test")}
    return Dataset(
        name="clinc150",
        train=parts["train"],
        test=parts["test"] + strangers["test"],
        validation=parts["val"] + strangers["val"],
        strangers=[text for text, _ in parts["oos_train"]],
    )
