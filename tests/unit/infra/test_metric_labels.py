"""Every metric and its labels; and that whoever counts for an organisation names it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.measures import METRICS, dimensions

ROOT = Path(__file__).parents[3]
OF_PROCESSES = {
    "frames_in_total": (),
    "frames_out_total": (),
    "exchange_seconds": (),
    "batch_commands": (),
    "turn_seconds": (),
    "commit_seconds": (),
    "commit_entities": (),
    "commits_total": (),
    "fenced_total": ("kind",),
    "defects_total": ("kind",),
    "overloads_total": ("kind",),
    "entities": ("kind",),
    "inbox": ("kind",),
    "replaced_total": ("kind",),
    "facts_waiting": (),
    "facts_oldest_seconds": (),
}
"""A batch, a commit, a host, a recorder: each serves several organisations at once."""
OF_ORGANISATIONS = {
    "connections": "role",
    "errors_total": "code",
    "slow_readers_total": "",
    "sessions": "state",
    "sessions_opened_total": "",
    "sessions_closed_total": "reason",
    "messages_total": "role",
    "queue_length": "queue",
    "queue_oldest_seconds": "queue",
    "enqueued_total": "queue",
    "queue_left_total": "reason",
    "answer_seconds": "queue",
    "offers_total": "outcome",
    "decision_seconds": "",
    "fallbacks_total": "policy",
    "score_seconds": "",
    "score_misses_total": "why",
    "agents": "status",
    "bot_questions_total": "band",
    "bot_answer_seconds": "",
    "bot_misses_total": "why",
    "bot_handoffs_total": "reason",
    "bot_dropped_total": "",
    "assist_seconds": "",
    "assist_total": "what",
    "llm_total": "outcome",
    "outcomes_dropped_total": "",
}


def test_every_metric_carries_the_organisation_unless_it_is_a_processs_own() -> None:
    wanted = dict(OF_PROCESSES)
    for name, label in OF_ORGANISATIONS.items():
        wanted[name] = ("org", label) if label else ("org",)
    assert {name: dimensions(one) for name, one in METRICS.items()} == wanted


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `add` or `set` in the rooms that names a metric of the table."""
    for room in ("actors", "serve", "infra"):
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                first = node.args[0] if node.args else None
                name = first.value if isinstance(first, ast.Constant) else None
                if node.func.attr in ("add", "set") and name in METRICS:
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


CALLS = dict(calls())


def test_the_calls_are_found() -> None:
    assert len(CALLS) > 30


@pytest.mark.parametrize("where", CALLS)
def test_who_counts_for_an_organisation_names_it(where: str) -> None:
    call = CALLS[where]
    [name] = ast.literal_eval(ast.List([call.args[0]], ast.Load()))
    names_it = len(call.args) == 4 or any(one.arg == "org" for one in call.keywords)
    assert names_it == METRICS[name].org
