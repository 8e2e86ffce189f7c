"""Decisions joined with what came of them, from parts that became known one by one."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from policies.decisions import DAY_S, WEEK_S, Decision, Outcome


def join(
    rows: Iterable[Decision], outcomes: Iterable[Outcome], *, known_until: float | None = None
) -> list[Decision]:
    """Return the rows with their outcomes; of each part the last told counts.

    Args:
        known_until: every outcome told before this instant is among `outcomes`. So a customer who
            would have been back by then, and is not, did not come back. None: silence says nothing.
    """
    parts: dict[str, list[Outcome]] = {}
    for part in sorted(outcomes, key=lambda outcome: outcome.at):
        parts.setdefault(part.decision, []).append(part)
    return [
        msgspec.structs.replace(row, outcome=_told(row, parts.get(row.id, []), known_until))
        for row in rows
    ]


def _told(row: Decision, parts: list[Outcome], known_until: float | None) -> Outcome | None:
    """What the parts say together, and what can be concluded from them."""
    told = _at_once(row) if row.result == "accepted" else None
    if not parts and row.outcome is not None:
        parts = [row.outcome]
    for part in parts:
        told = part if told is None else _merged(told, part)
    ended_at = [part.at for part in parts if part.transfers_n == 0]
    if told is None or not ended_at or known_until is None or row.contact.kind != "human":
        return told
    silent_s = known_until - ended_at[-1]
    return msgspec.structs.replace(
        told,
        recontact_1d=_back(told.recontact_1d, silent_s, DAY_S),
        recontact_7d=_back(told.recontact_7d, silent_s, WEEK_S),
    )


def _back(told: bool | None, silent_s: float, within_s: float) -> bool | None:
    return False if told is None and silent_s > within_s else told


def _at_once(row: Decision) -> Outcome:
    """What is known of a decision that needed nobody's yes."""
    return Outcome(
        decision=row.id,
        session=row.contact.session,
        at=row.at,
        ending="accepted",
        wait_s=row.at - row.contact.arrived_at,
    )


def _merged(before: Outcome, told: Outcome) -> Outcome:
    """The later part replaces what it says; a new disposition also what the old one meant."""
    names = [name for name in Outcome.__struct_fields__ if getattr(told, name) is not None]
    if told.disposition is not None:
        names.append("solved")
    return msgspec.structs.replace(before, **{name: getattr(told, name) for name in names})
