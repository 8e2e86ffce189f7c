"""Print what an examination gave, for people: lines of names and values, and the table of a set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

FLOORS = {"banking77": (0.91, 0.93), "clinc150": (0.93, 0.95)}
RECALLS = {"0.915": (0.60, 0.70), "0.900": (None, 0.80)}
STARTS = {"5": (0.61, 0.70), "10": (0.72, 0.80)}
Row = tuple[str, str, str, str]


def lines_of(result: Mapping[str, object], indent: str = "") -> str:
    """Return names and values, one a line, nested ones further in."""
    lines = []
    for name, value in result.items():
        match msgspec.to_builtins(value):
            case dict() as inner if inner:
                lines += [f"{indent}{name}:", lines_of(inner, indent + "  ")]
            case list() as items if items and isinstance(items[0], dict):
                lines.append(f"{indent}{name}: {len(items)}")
                lines += [f"{indent}  {_brief(item)}" for item in items]
            case float() as number:
                lines.append(f"{indent}{name}: {number:.4f}")
            case plain:
                lines.append(f"{indent}{name}: {plain}")
    return "\n".join(lines)


def dataset_table(result: Mapping[str, Any]) -> str:
    """Return the rows of one public set beside their floors, aims and anchors."""
    marks = msgspec.to_builtins(result["marks"])
    name = result["dataset"]
    anchors = ", ".join(f"{who} {share:.2%}" for who, share in result["anchors"].items())
    rows: list[Row] = [
        _row("accuracy on the test split", marks["accuracy"], FLOORS.get(name), anchors),
        _row("right among the best five", marks["hit_5"], None),
        ("calibration error", f"{marks['calibration_error']:.2%}", "at most 3 % / 1 %", ""),
        _row("precision of the answer band", marks["answer_precision"], (0.95, 0.98)),
        _row("  answered at once", marks["answered"], None),
        _row("  clarified", marks["clarified"], None),
        _row("  the right one among the suggestions", marks["clarify_hit"], None),
    ]
    if marks["strangers_n"]:
        rows.append(_row("  precision, strangers as wrong", marks["answer_precision_all"], None))
    for level, recall in marks.get("stranger_recall", {}).items():
        what = f"out-of-scope recall at {float(level):.1%} in-scope accuracy"
        rows.append(_row(what, recall, RECALLS[level], "BERT 52.3 % at 96.2 %"))
    for level, both in result.get("strangers", {}).items():
        what = f"  threshold from validation for {float(level):.1%}: in-scope"
        rows.append(_row(what, both["accuracy"], None))
        rows.append(_row("  and out-of-scope recall", both["recall"], None))
    for shots, spread in result["cold_start"].items():
        what = f"cold start, {shots} wordings a topic: hit@1"
        said = f"sd {spread['sd']:.2%}, {spread['seeds']} seeds"
        rows.append(_row(what, spread["mean"], STARTS[shots], said))
    rows.append(("seconds to learn", f"{marks['learn_s']:.1f}", "", ""))
    return _aligned([("measure", "value", "floor / aim", "beside it"), *rows])


def _row(what: str, share: float, aims: tuple[float | None, float] | None, beside: str = "") -> Row:
    wanted = "" if aims is None else " / ".join("-" if a is None else f"{a:.0%}" for a in aims)
    return what, f"{share:.2%}", wanted, beside


def _aligned(rows: list[Row]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _brief(item: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in item.items() if value is not None)
