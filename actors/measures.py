"""The metrics of the system: one table, from which adapters, dashboards and docs are checked.

Every name is exported with the prefix `raydesk_`. A counter only grows; a gauge is the value now;
a histogram keeps counts per bucket (seconds, or sizes). `label` names the one dimension beside the
process's own (`actor`, `node`); what belongs to an organisation carries that too (`org`). Without
it are the figures of a process that serves several organisations in one batch.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Measure(msgspec.Struct, frozen=True):
    """One metric. `label` is empty or the name of its dimension. `org`: it is an organisation's."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str = ""
    org: bool = False


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
WAITS = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

BUCKETS: dict[str, tuple[float, ...]] = {
    "turn_seconds": SECONDS,
    "commit_seconds": SECONDS,
    "exchange_seconds": SECONDS,
    "decision_seconds": SECONDS,
    "score_seconds": SECONDS,
    "bot_answer_seconds": SECONDS,
    "assist_seconds": SECONDS,
    "commit_entities": SIZES,
    "batch_commands": SIZES,
    "answer_seconds": WAITS,
}

METRICS: dict[str, Measure] = {
    # gateway
    "connections": Measure("gauge", "Open sockets", "role", org=True),
    "frames_in_total": Measure("counter", "Client frames accepted"),
    "frames_out_total": Measure("counter", "Frames written to sockets"),
    "errors_total": Measure("counter", "Error frames sent", "code", org=True),
    "slow_readers_total": Measure("counter", "Sockets closed with 1013: reader too slow", org=True),
    "exchange_seconds": Measure("histogram", "Round trip of one command batch to a host"),
    "batch_commands": Measure("histogram", "Commands in one batch to a host"),
    # hosts
    "turn_seconds": Measure("histogram", "One turn: machines, commit, delivery"),
    "commit_seconds": Measure("histogram", "One group commit in Redis"),
    "commit_entities": Measure("histogram", "Entities in one group commit"),
    "commits_total": Measure("counter", "Group commits"),
    "fenced_total": Measure("counter", "Writes refused because a newer owner exists", "kind"),
    "defects_total": Measure("counter", "Commands that raised: entity reloaded", "kind"),
    "overloads_total": Measure("counter", "Commands refused as overloaded", "kind"),
    "entities": Measure("gauge", "Entities in memory", "kind"),
    "inbox": Measure("gauge", "Commands waiting for their turn", "kind"),
    "replaced_total": Measure("counter", "Hosts replaced by the keeper", "kind"),
    # domain
    "sessions": Measure("gauge", "Sessions in memory", "state", org=True),
    "sessions_opened_total": Measure("counter", "Sessions opened", org=True),
    "sessions_closed_total": Measure("counter", "Sessions closed", "reason", org=True),
    "messages_total": Measure("counter", "Messages journaled", "role", org=True),
    "queue_length": Measure("gauge", "Contacts waiting", "queue", org=True),
    "queue_oldest_seconds": Measure("gauge", "Wait of the oldest contact", "queue", org=True),
    "enqueued_total": Measure("counter", "Contacts queued", "queue", org=True),
    "queue_left_total": Measure(
        "counter", "Contacts that left a queue unserved", "reason", org=True
    ),
    "answer_seconds": Measure(
        "histogram", "Wait from arrival to accepted offer", "queue", org=True
    ),
    "offers_total": Measure("counter", "Offers by outcome", "outcome", org=True),
    "decision_seconds": Measure("histogram", "One dispatch round", org=True),
    "fallbacks_total": Measure(
        "counter", "Rounds decided by a fallback policy", "policy", org=True
    ),
    "score_seconds": Measure(
        "histogram", "One question to the assignment model and back", org=True
    ),
    "score_misses_total": Measure("counter", "Questions to that model in vain", "why", org=True),
    "agents": Measure("gauge", "Agents by status", "status", org=True),
    # the record of what was decided
    "facts_waiting": Measure("gauge", "Committed facts that no store has yet, in turns"),
    "facts_oldest_seconds": Measure("gauge", "How long the oldest of them has waited"),
    # bots
    "bot_questions_total": Measure(
        "counter", "Questions answered by the bot's model", "band", org=True
    ),
    "bot_answer_seconds": Measure(
        "histogram", "One question to the bot's model and back", org=True
    ),
    "bot_misses_total": Measure(
        "counter", "Tries at the bot's model in vain: late, failed", "why", org=True
    ),
    "bot_handoffs_total": Measure("counter", "Hand-offs to people", "reason", org=True),
    "bot_dropped_total": Measure(
        "counter", "Questions whose session moved on before the answer", org=True
    ),
    "assist_seconds": Measure(
        "histogram", "From a customer's message to suggestions for agents", org=True
    ),
    "assist_total": Measure(
        "counter", "Suggestions for agents: shown, late, dropped, used", "what", org=True
    ),
    "llm_total": Measure(
        "counter", "Answers of the language model by outcome", "outcome", org=True
    ),
    "outcomes_dropped_total": Measure(
        "counter", "Outcomes of bots that found their queue full: missing from the report", org=True
    ),
}


def dimensions(one: Measure) -> tuple[str, ...]:
    """Return the names of a metric's labels beside the process's own."""
    return (*(("org",) if one.org else ()), *((one.label,) if one.label else ()))
