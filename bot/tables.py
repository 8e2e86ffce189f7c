"""Read and write a knowledge base as xlsx, CSV or YAML.

Import reports every bad row with its number and reason, and takes the good rows or none, as asked.
Files are somebody else's: sizes are bounded, YAML is read without tags and aliases, a cell that a
spreadsheet would run as a formula is written with a quote before it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import openpyxl
import yaml

from bot.checking import Problem, check
from bot.knowledge import Base, Category, Topic
from bot.rows import (
    COLUMNS,
    BadRow,
    RowError,
    column_names,
    escape_formula,
    row_of,
    topic_of,
    unescape_formula,
)

Format = Literal["xlsx", "csv", "yaml"]
MAX_FILE = 64 * 2**20
MAX_UNPACKED = 512 * 2**20
"""Bytes of a file, and of what an xlsx (a zip archive) unpacks to."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import gave. `base` is None when it was refused; `problems` are about the base as a
    whole (cycles, duplicates, expired topics), `bad` about single rows."""

    base: Base | None
    topics_n: int
    bad: list[BadRow]
    problems: list[Problem]
    rows: dict[str, int] = {}
    """Topic id -> the first row that it was read from, also of what was left out."""


class FileError(ValueError):
    """The file as a whole cannot be read; the text says why."""


def format_of(path: str) -> Format:
    """Return the format that the file's name says.

    Raises:
        FileError: neither xlsx, csv nor yaml.
    """
    match Path(path).suffix.casefold():
        case ".xlsx":
            return "xlsx"
        case ".csv":
            return "csv"
        case ".yaml" | ".yml":
            return "yaml"
        case other:
            raise FileError(f"unknown kind of file {other!r}: use .xlsx, .csv or .yaml")


def import_base(
    data: bytes, kind: Format, *, name: str, now: float, all_or_none: bool = False, org: str = ""
) -> Imported:
    """Return the base that the file holds.

    With `all_or_none` one bad row or one error of the whole base refuses everything; without, bad
    rows and topics with an error are left out and reported.

    Raises:
        FileError: the file cannot be read at all.
    """
    if len(data) > MAX_FILE:
        raise FileError(f"more than {MAX_FILE // 2**20} MB")
    topics, bad, rows = _topics(_READERS[kind](data))
    whole = _with_categories(Base(id=name, name=name, org=org, topics=tuple(topics)))
    problems = check(whole, now)
    errors = {problem.topic for problem in problems if problem.severity == "error"}
    if all_or_none and (bad or errors):
        return Imported(base=None, topics_n=0, bad=bad, problems=problems, rows=rows)
    base = _without(whole, errors)
    return Imported(base=base, topics_n=len(base.topics), bad=bad, problems=problems, rows=rows)


def export_base(base: Base, kind: Format) -> bytes:
    """Return the base as a file that `import_base` reads back to the same topics."""
    rows = [row_of(topic) for topic in base.topics]
    match kind:
        case "csv":
            return _write_csv(rows)
        case "xlsx":
            return _write_xlsx(rows)
        case "yaml":
            return _write_yaml(rows)


def _topics(
    rows: Iterator[tuple[int, dict[str, str]]],
) -> tuple[list[Topic], list[BadRow], dict[str, int]]:
    topics: list[Topic] = []
    bad: list[BadRow] = []
    numbers: dict[str, int] = {}
    for number, cells in rows:
        try:
            topics.append(topic_of(cells, number))
            numbers.setdefault(topics[-1].id, number)
        except RowError as error:
            bad.append(BadRow(number, str(error)))
    return topics, bad, numbers


def _with_categories(base: Base) -> Base:
    """Add the tree that paths such as `Cards/Lost` in the rows speak of."""
    tree: dict[str, Category] = {}
    for path in dict.fromkeys(topic.category for topic in base.topics if topic.category):
        parts = path.split("/")
        for depth, part in enumerate(parts):
            here = "/".join(parts[: depth + 1])
            tree.setdefault(here, Category(id=here, name=part, parent="/".join(parts[:depth])))
    return msgspec.structs.replace(base, categories=tuple(tree.values()))


def _without(base: Base, broken: set[str]) -> Base:
    """Leave out broken topics (of a duplicate id: all but the first)."""
    times = Counter(topic.id for topic in base.topics)
    kept: dict[str, Topic] = {}
    for topic in base.topics:
        if topic.id not in broken or times[topic.id] > 1:
            kept.setdefault(topic.id, topic)
    return msgspec.structs.replace(base, topics=tuple(kept.values()))


def _read_csv(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise FileError("neither UTF-8 nor GB18030 text")
    reader = csv.reader(io.StringIO(text.replace("\0", "")))
    try:
        yield from _named((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise FileError(f"line {reader.line_num}: {error}") from error


def _read_xlsx(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise FileError(f"not an xlsx file: {error}") from error
    if unpacked > MAX_UNPACKED:
        raise FileError("unpacks to too much")
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = list(book.worksheets[0].iter_rows(values_only=True))
    except Exception as error:
        raise FileError(f"not a readable xlsx file: {error}") from error
    yield from _named(enumerate(rows, start=1))


def _named(rows: Iterable[tuple[int, Iterable[object]]]) -> Iterator[tuple[int, dict[str, str]]]:
    names: list[str] | None = None
    for number, row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            try:
                names = column_names(cells)
            except RowError as error:
                raise FileError(str(error)) from error
            continue
        named = zip(names, cells, strict=False)
        yield number, {name: unescape_formula(cell) for name, cell in named if name}
    if names is None:
        raise FileError("no rows")


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, which can grow a small file without end."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def _read_yaml(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        content: Any = yaml.load(data, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise FileError(f"not readable YAML: {error}") from error
    rows = content.get("topics") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise FileError("no list 'topics'")
    for number, row in enumerate(rows, start=1):
        yield number, _cells(row)


def _cells(row: object) -> dict[str, str]:
    if not isinstance(row, dict):
        return {}
    return {str(name): _cell(value) for name, value in row.items() if name in COLUMNS}


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return "\n".join(str(item) for item in value)
        case _:
            return str(value)


def _write_csv(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(COLUMNS), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: escape_formula(text) for name, text in row.items()} for row in rows)
    return ("\ufeff" + out.getvalue()).encode()  # the mark that makes Excel read UTF-8


def _write_xlsx(rows: list[dict[str, str]]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("topics")
    sheet.append(list(COLUMNS))
    for row in rows:
        sheet.append([escape_formula(text) for text in row.values()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write_yaml(rows: list[dict[str, str]]) -> bytes:
    plain = [
        {name: text.split("\n") if name in _LISTS else text for name, text in row.items() if text}
        for row in rows
    ]
    text = yaml.safe_dump({"topics": plain}, allow_unicode=True, sort_keys=False, width=100)
    return str(text).encode()


_LISTS = ("similar", "related", "image")
_READERS = {"csv": _read_csv, "xlsx": _read_xlsx, "yaml": _read_yaml}
