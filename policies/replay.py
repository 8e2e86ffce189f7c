"""Making a logged decision again: the same policy, the same scene, the same dice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from random import Random

from policies import registry
from policies.deciders import use_scorer
from policies.decision_views import agent_of, contact_of
from policies.decisions import Decision
from policies.logged_scores import LoggedScores
from policies.view import HOLD, Match, Policy, View


class CannotReplayError(ValueError):
    """The row does not hold what its policy saw; the text says what is missing."""


def view_of(first: Decision) -> View:
    """Return the view that the round's policy saw.

    Args:
        first: the first row of a round.

    Raises:
        CannotReplayError: the row is not whole.
    """
    scene = first.scene
    if scene is None or first.detail != "full":
        has = f"detail is {first.detail!r}" if scene else "it is not the first of its round"
        raise CannotReplayError(
            f"decision {first.id}: only whole first rows can be replayed; {has}"
        )
    view = View.of(
        [contact_of(row) for row in scene.contacts],
        [agent_of(row) for row in first.candidates],
        now=first.at,
        queues=scene.queues,
        limit=scene.limit,
    )
    view.only = None if scene.only is None else frozenset(scene.only)
    return view


def replay(
    first: Decision, policy: Policy | None = None, rest: Sequence[Decision] = ()
) -> list[Match]:
    """Return what the policy proposes for the round again, in the order of `place`.

    Args:
        first: the first row of a round.
        policy: None: the built-in one of the row's name.
        rest: the round's other rows, for a policy that was told scores.

    Raises:
        CannotReplayError: see `view_of`; or the policy is not a built-in one.
    """
    if policy is None:
        try:
            policy = registry.make(first.policy, json.loads(first.policy_params))
        except (LookupError, ValueError) as error:
            raise CannotReplayError(f"decision {first.id}: {error}") from None
    use_scorer(policy, LoggedScores([first, *rest]))
    return policy.decide(view_of(first), Random(first.seed))


def differences(rows: Iterable[Decision], policy: Policy | None = None) -> list[tuple[str, str]]:
    """Return (decision, agent proposed now) of every decision of whole rounds that comes out
    differently; empty if the log replays."""
    found: list[tuple[str, str]] = []
    for of_round in _rounds(rows):
        again = replay(of_round[0], policy, of_round[1:])
        for row in of_round:
            now = again[row.place] if row.place < len(again) else None
            if row.action == HOLD:
                given = {match.contact: match.agent for match in again}
                chosen = given.get(row.contact.session, HOLD)
            else:
                chosen = now.agent if now and now.contact == row.contact.session else HOLD
            if chosen != row.action:
                found.append((row.id, chosen))
    return found


def _rounds(rows: Iterable[Decision]) -> list[list[Decision]]:
    """Every round whose first row is whole."""
    rounds: dict[str, list[Decision]] = {}
    for row in rows:
        rounds.setdefault(row.round, []).append(row)
    ordered = [sorted(of, key=lambda row: row.place) for of in rounds.values()]
    return [of for of in ordered if of[0].scene is not None and of[0].detail == "full"]
