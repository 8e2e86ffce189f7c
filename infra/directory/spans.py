"""Spans of a day, as people write them: `09:00-18:00`, in order and apart, up to 24:00."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def minutes(span: str) -> tuple[int, int]:
    """Return the first minute of the day inside the span, and the first after it."""
    start, end = ((int(t[:2]) * 60 + int(t[3:])) for t in span.split("-"))
    return start, end


def check_apart(spans: list[str]) -> list[str]:
    """Return the spans.

    Raises:
        ValueError: they overlap or are not in order.
    """
    ends = 0
    for span in spans:
        start, end = minutes(span)
        if start < ends:
            raise ValueError("spans in order and apart, like 09:00-12:00 and 13:30-18:00")
        ends = end
    return spans


def _forward(span: str) -> str:
    start, end = minutes(span)
    if start >= end:
        raise ValueError("a span that ends after it starts; two spans to cross midnight")
    return span


TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
Span = Annotated[
    str, Field(pattern=rf"^{TIME}-({TIME}|24:00)$", max_length=11), AfterValidator(_forward)
]
