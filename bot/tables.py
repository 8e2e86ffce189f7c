"""Read and write a knowledge base as xlsx, CSV or YAML.

Import reports every bad row with its number and reason, and takes the good rows or none, as asked.
Files are somebody else's: sizes are bounded, YAML is read without tags and aliases, a cell that a
spreadsheet would run as a formula is written with a quote before it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import openpyxl
import yaml
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from bot.checking import Problem, check
from bot.knowledge import Base, Category, Topic
from bot.rows import (
    COLUMNS,
    BadRow,
    RowError,
    column_names,
    escape_formula,
    id_of,
    row_of,
    topic_of,
    unescape_formula,
)

Format = Literal["xlsx", "csv", "yaml"]
Tell = Callable[[str], None]
TELL_N = 5_000
"""Rows between two words about how far it is."""
MAX_FILE = 64 * 2**20
MAX_UNPACKED = 512 * 2**20
"""Bytes of a file, and of what an xlsx (a zip archive) unpacks to."""
MAX_ROWS = 200_000
MAX_COLUMNS = 64
"""Of an xlsx; columns beyond are not read."""
EXCEL_CELL = 32_767
"""Characters that Excel keeps of a cell."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import gave. `base` is None when it was refused; `problems` are about the base as a
    whole (cycles, duplicates, expired topics), `bad` about single rows."""

    base: Base | None
    topics_n: int
    bad: list[BadRow]
    problems: list[Problem]
    rows: dict[str, int] = {}
    """Topic id -> the row that it was read from, also of what was left out or cannot be read."""


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
    data: bytes,
    kind: Format,
    *,
    name: str,
    now: float,
    all_or_none: bool = False,
    org: str = "",
    known: Collection[str] = (),
    tell: Tell = lambda _: None,
) -> Imported:
    """Return the base that the file holds.

    With `all_or_none` one bad row or one error of the whole base refuses everything; without, bad
    rows and topics with an error are left out and reported, and links to them are dropped.

    Args:
        known: ids of topics elsewhere, that those of the file may be related to.
        tell: is told how far it is.

    Raises:
        FileError: the file cannot be read at all.
    """
    if len(data) > MAX_FILE:
        raise FileError(f"more than {MAX_FILE // 2**20} MB")
    tell(f"reading {len(data):,} bytes of {kind}")
    topics, bad, rows = _topics(_READERS[kind](data), tell)
    tell(f"checking {len(topics):,} topics")
    whole = _with_categories(Base(id=name, name=name, org=org, topics=tuple(topics)))
    elsewhere = frozenset(known)
    problems = check(_unlinked(whole, elsewhere | _unread(whole, rows)), now)
    errors = {problem.topic for problem in problems if problem.severity == "error"}
    if all_or_none and (bad or errors):
        return Imported(base=None, topics_n=0, bad=bad, problems=problems, rows=rows)
    base = _without(whole, errors)
    base, lost = _repaired(base, elsewhere)
    problems += lost
    return Imported(base=base, topics_n=len(base.topics), bad=bad, problems=problems, rows=rows)


def export_base(base: Base, kind: Format, tell: Tell = lambda _: None) -> bytes:
    """Return the base as a file that `import_base` reads back to the same topics. `tell` is told
    how far it is.

    Raises:
        FileError: this kind of file cannot hold it.
    """
    rows = [row_of(topic) for topic in base.topics]
    tell(f"writing {len(rows):,} topics as {kind}")
    match kind:
        case "csv":
            return _write_csv(rows)
        case "xlsx":
            return _write_xlsx(rows)
        case "yaml":
            return _write_yaml(rows)


class _Read(NamedTuple):
    """A row as it was read (column -> text). `wrong`: why a cell of it cannot be."""

    number: int
    cells: dict[str, str]
    wrong: str = ""


def _topics(reads: Iterator[_Read], tell: Tell) -> tuple[list[Topic], list[BadRow], dict[str, int]]:
    topics: dict[str, Topic] = {}
    bad: list[BadRow] = []
    rows: dict[str, int] = {}
    for n, read in enumerate(reads, start=1):
        if n % TELL_N == 0:
            tell(f"{n:,} rows")
        try:
            topic = _topic(read)
        except RowError as error:
            bad.append(BadRow(read.number, str(error)))
            rows.setdefault(id_of(read.cells), read.number)
            continue
        if topic.id in topics:
            reason = f"id: {topic.id!r} is also that of row {rows[topic.id]}"
            bad.append(BadRow(read.number, reason))
        else:
            topics[topic.id], rows[topic.id] = topic, read.number
    rows.pop("", None)
    return list(topics.values()), bad, rows


def _topic(read: _Read) -> Topic:
    if read.wrong:
        raise RowError(read.wrong)
    return topic_of(read.cells)


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
    """Leave out broken topics."""
    kept = tuple(topic for topic in base.topics if topic.id not in broken)
    return msgspec.structs.replace(base, topics=kept)


def _unread(base: Base, rows: Collection[str]) -> frozenset[str]:
    """Return the ids of rows that did not become topics."""
    return frozenset(rows) - {topic.id for topic in base.topics}


def _unlinked(base: Base, ids: frozenset[str]) -> Base:
    """Leave out links to `ids`."""
    topics = tuple(
        msgspec.structs.replace(one, related=tuple(id_ for id_ in one.related if id_ not in ids))
        for one in base.topics
    )
    return msgspec.structs.replace(base, topics=topics)


def _repaired(base: Base, known: frozenset[str]) -> tuple[Base, list[Problem]]:
    """Leave out links to what is neither in the base nor known, and tell of each."""
    there = known | {topic.id for topic in base.topics}
    linked = [(one.id, other) for one in base.topics for other in one.related]
    lost = [lost_link(topic, other) for topic, other in linked if other not in there]
    gone = frozenset(other for _, other in linked if other not in there)
    return (_unlinked(base, gone) if gone else base), lost


def lost_link(topic: str, other: str) -> Problem:
    """Return that a topic lost its link to one that was left out."""
    detail = f"the related topic {other!r} was left out, and so is the link to it"
    return Problem(code="related_unknown", topic=topic, detail=detail, severity="warning")


def _read_csv(data: bytes) -> Iterator[_Read]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise FileError("neither UTF-8 nor GB18030 text")
    csv.field_size_limit(MAX_FILE)
    reader = csv.reader(io.StringIO(text.replace("\0", "")))
    try:
        yield from _named((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise FileError(f"line {reader.line_num}: {error}") from error


def _read_xlsx(data: bytes) -> Iterator[_Read]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise FileError(f"not an xlsx file: {error}") from error
    if unpacked > MAX_UNPACKED:
        raise FileError("unpacks to too much")
    yield from _named(_sheet(data))


def _sheet(data: bytes) -> Iterator[tuple[int, Iterable[object]]]:
    """Yield the rows of the first sheet as they are read, whatever size it says that it has."""
    number = 0
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet: Any = book.worksheets[0]
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)
        for number, row in enumerate(islice(rows, MAX_ROWS + 1), start=1):
            if number <= MAX_ROWS:
                yield number, row
    except Exception as error:
        raise FileError(f"not a readable xlsx file: {error}") from error
    if number > MAX_ROWS:
        raise FileError(f"more than {MAX_ROWS} rows")


def _named(rows: Iterable[tuple[int, Iterable[object]]]) -> Iterator[_Read]:
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
        yield _Read(number, {name: unescape_formula(cell) for name, cell in named if name})
    if names is None:
        raise FileError("no rows")


class _PlainLoader(yaml.CSafeLoader):
    """Has constructors of its own."""


def _or_error(construct: Callable[[Any, Any], object]) -> Callable[[Any, Any], object]:
    """Make of a value that cannot be read the error, which costs only its row."""

    def constructed(loader: Any, node: Any) -> object:
        try:
            return construct(loader, node)
        except (ValueError, OverflowError) as error:
            return ValueError(str(error))

    return constructed


for _kind in ("int", "float", "timestamp"):
    _tag = f"tag:yaml.org,2002:{_kind}"
    _PlainLoader.add_constructor(_tag, _or_error(yaml.SafeLoader.yaml_constructors[_tag]))


def _read_yaml(data: bytes) -> Iterator[_Read]:
    try:
        events = yaml.parse(data, Loader=_PlainLoader)
        aliases = any(isinstance(event, yaml.events.AliasEvent) for event in events)
        # An alias can make a small file grow without end.
        content: Any = None if aliases else yaml.load(data, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise FileError(f"not readable YAML: {error}") from error
    if aliases:
        raise FileError("YAML with aliases is not read: write out what they stand for")
    rows = content.get("topics") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise FileError("no list 'topics'")
    for number, row in enumerate(rows, start=1):
        yield _cells(number, row)


def _cells(number: int, row: object) -> _Read:
    cells: dict[str, str] = {}
    wrong = ""
    for name, value in row.items() if isinstance(row, dict) else ():
        try:
            if name in COLUMNS:
                cells[name] = _cell(value)
        except ValueError as error:
            wrong = wrong or f"{name}: {error}"
    return _Read(number, cells, wrong)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return "\n".join(_cell(item) for item in value)
        case ValueError():
            raise value
        case _:
            return str(value)


def _write_csv(rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(COLUMNS), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: escape_formula(text) for name, text in row.items()} for row in rows)
    return ("\ufeff" + out.getvalue()).encode()  # the mark that makes Excel read UTF-8


def _write_xlsx(rows: list[dict[str, str]]) -> bytes:
    cells = [[_excel(name, text, row["id"]) for name, text in row.items()] for row in rows]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("topics")
    for line in [list(COLUMNS), *cells]:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _excel(name: str, text: str, topic: str) -> str:
    """Return the text as a cell of Excel's, without the characters that it refuses."""
    cell = escape_formula(ILLEGAL_CHARACTERS_RE.sub("", text))
    if len(cell) > EXCEL_CELL:
        detail = f"topic {topic!r}: {name}: more than {EXCEL_CELL} characters"
        raise FileError(f"{detail}, which Excel cannot hold: use csv or yaml")
    return cell


def _write_yaml(rows: list[dict[str, str]]) -> bytes:
    plain = [
        {name: text.split("\n") if name in _LISTS else text for name, text in row.items() if text}
        for row in rows
    ]
    text = yaml.dump(
        {"topics": plain}, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=100
    )
    return str(text).encode()


_LISTS = ("similar", "related", "image")
_READERS = {"csv": _read_csv, "xlsx": _read_xlsx, "yaml": _read_yaml}
