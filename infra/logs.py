"""Structured logs: one event name with keys, as JSON for machines or coloured lines for people.

`bind(org=..., session=..., actor=...)` adds keys to every event of the current task. What looks
like a secret by its key, or a password inside a URL, never reaches the output.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars

from infra.settings import Settings

HIDDEN = "(hidden)"
_SECRET_KEY = re.compile(
    r"password|passwd|secret|token|authorization|cookie|api_?key", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(\w+://[^\s:/@]*:)[^\s/@]+@")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")

bind = bind_contextvars
"""Add keys to every later event of this task."""


def configure_logs(settings: Settings) -> None:
    """Set up logging for this process, the standard library's included; may be repeated."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[structlog.typing.Processor] = [scrub, _renderer(settings)]
    if _as_json(settings):
        ending.insert(0, structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        # Loggers are made at import: they must follow a later `configure_logs`.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Drivers say more than anyone reads below a warning.
    root.setLevel(max(level, logging.WARNING))


def scrub(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Hide secrets, by key and by shape, at any depth of `event`."""
    return {key: _clean(key, value) for key, value in event.items()}


def scrub_text(text: str) -> str:
    """Return the text without passwords of URLs and without tokens."""
    return _JWT.sub(HIDDEN, _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text))


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return HIDDEN
    match value:
        case str():
            return scrub_text(value)
        case dict():
            return {inner: _clean(str(inner), one) for inner, one in value.items()}
        case list() | tuple():
            return [_clean("", one) for one in value]
        case BaseException():
            return scrub_text(repr(value))
        case _:
            return value


def _as_json(settings: Settings) -> bool:
    return settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )


def _renderer(settings: Settings) -> structlog.typing.Processor:
    if _as_json(settings):
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
