"""Decisions and outcomes as Parquet: what the log is written in, and what laboratories read."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from policies.decisions import VERSION, Decision, DecisionLogError, Outcome, check
from policies.joining import join

DECISIONS = "decisions"
OUTCOMES = "outcomes"
"""The folders of the log, each with one folder per organisation and day."""
KIND = b"raydesk.kind"
SCHEMA = b"raydesk.schema"

R = TypeVar("R", Decision, Outcome)
_PLAIN: dict[Any, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
}


def encode(rows: Sequence[R], kind: type[R]) -> bytes:
    """Return the rows as one Parquet file."""
    table = pa.Table.from_pylist([_with_pairs(row) for row in rows], schema=_schema(kind))
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def decode(data: bytes, kind: type[R], source: str) -> list[R]:
    """Return the rows of one file.

    Raises:
        DecisionLogError: not such a file, or of another version.
    """
    try:
        table = pq.read_table(io.BytesIO(data))
    except pa.ArrowInvalid as error:
        raise DecisionLogError(f"{source}: not a Parquet file ({error})") from None
    facts = table.schema.metadata or {}
    name = facts.get(KIND, b"").decode()
    if name != kind.__name__:
        allowed = f"allowed: {kind.__name__}"
        raise DecisionLogError(f"{source}: raydesk.kind: {name or 'missing'}; {allowed}")
    version = facts.get(SCHEMA, b"").decode()
    if version != str(VERSION):
        allowed = f"allowed: {VERSION}"
        raise DecisionLogError(f"{source}: raydesk.schema: {version or 'missing'}; {allowed}")
    maps = _maps(kind)
    records = [_without_pairs(record, maps) for record in table.to_pylist()]
    try:
        return msgspec.convert(records, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise DecisionLogError(f"{source}: {error}; allowed: schema {VERSION}") from None


def read(*paths: Path | str) -> list[Decision]:
    """Return the decisions of these files and folders, checked, once each, with the outcomes that
    lie in the same folders joined; by time.

    Raises:
        DecisionLogError: names the file, the field, and what is allowed.
    """
    rows: list[Decision] = []
    outcomes: list[Outcome] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DecisionLogError(f"{path}: no such file or folder")
        files = _files(path) if path.is_dir() else [path]
        for file in files:
            data = file.read_bytes()
            if OUTCOMES in file.parts and DECISIONS not in file.parts[-4:]:
                outcomes += decode(data, Outcome, str(file))
            else:
                rows += check(decode(data, Decision, str(file)), str(file))
    if not rows:
        names = ", ".join(str(path) for path in paths)
        raise DecisionLogError(f"{names}: rows: none; allowed: at least one decision")
    unique = {row.id: row for row in rows}
    ordered = sorted(unique.values(), key=lambda row: (row.at, row.round, row.place))
    return join(ordered, outcomes, known_until=max((one.at for one in outcomes), default=None))


def _files(folder: Path) -> list[Path]:
    """A folder of the log, or an object store, in which other things lie beside the log."""
    whole = (folder / DECISIONS).is_dir()
    parts = [folder / DECISIONS, folder / OUTCOMES] if whole else [folder]
    return sorted(file for part in parts for file in part.rglob("*.parquet"))


def write(path: Path | str, rows: Iterable[Decision]) -> None:
    """Write decisions to one file."""
    Path(path).write_bytes(encode(list(rows), Decision))


# --- types ---------------------------------------------------------------------------------


def _schema(kind: type[Any]) -> pa.Schema:
    facts = {KIND: kind.__name__.encode(), SCHEMA: str(VERSION).encode()}
    return pa.schema(list(_struct(kind)), metadata=facts)


def _struct(kind: type[Any]) -> list[pa.Field]:
    hints = get_type_hints(kind)
    return [pa.field(name, _arrow(hints[name])) for name in kind.__struct_fields__]


def _arrow(hint: Any) -> pa.DataType:
    origin, given = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _arrow(next(one for one in given if one is not type(None)))
    if origin is Literal:
        return pa.string()
    if origin is list:
        return pa.list_(_arrow(given[0]))
    if origin is not None:  # a mapping
        return pa.map_(_arrow(given[0]), _arrow(given[1]))
    if hint in _PLAIN:
        return _PLAIN[hint]
    return pa.struct(_struct(hint))


def _with_pairs(value: Any) -> Any:
    """Arrow takes a map as pairs. Structs become dicts here, so a dict below is always a map."""
    if isinstance(value, msgspec.Struct):
        return {name: _with_pairs(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return [(key, _with_pairs(one)) for key, one in value.items()]
    if isinstance(value, list):
        return [_with_pairs(one) for one in value]
    return value


def _maps(kind: type[Any]) -> dict[str, Any]:
    """Name of field -> what lies below it: `None` for a map, a dict of the same for structs."""
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        below = _below(hint)
        if below != {}:
            found[name] = below
    return found


def _below(hint: Any) -> Any:
    origin, given = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _below(next(one for one in given if one is not type(None)))
    if origin is list:
        return _below(given[0])
    if origin is not None and origin is not Literal:
        return None
    return _maps(hint) if hasattr(hint, "__struct_fields__") else {}


def _without_pairs(value: Any, maps: dict[str, Any]) -> Any:
    """The reverse of `_with_pairs`, of one record."""
    made = dict(value)
    for name, below in maps.items():
        one = made.get(name)
        if one is None:
            continue
        if below is None:
            made[name] = dict(one)
        elif isinstance(one, list):
            made[name] = [_without_pairs(each, below) for each in one]
        else:
            made[name] = _without_pairs(one, below)
    return made
