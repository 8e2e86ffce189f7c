"""Policies within policies: which of them decide, and which of these need a model's scores."""

from __future__ import annotations

from collections.abc import Iterator

from policies.learned_policy import Learned, Scorer
from policies.view import Policy


def learned_in(policy: Policy) -> Iterator[Learned]:
    """Yield every `Learned` that decides something in a policy: itself, or one of its `deciders`.

    A policy that asks others names those whose answers count in `deciders`. Shadows are not among
    them: scores would come after the decision that they are to be compared with.
    """
    if isinstance(policy, Learned):
        yield policy
    for inner in getattr(policy, "deciders", ()):
        yield from learned_in(inner)


def use_scorer(policy: Policy, scorer: Scorer) -> None:
    """Let everything in a policy that needs scores take them from here."""
    for learned in learned_in(policy):
        learned.use(scorer)


def awaits_scores(policy: Policy, contact: str) -> bool:
    """Return whether the policy, when it was asked last, left the contact out until its scores
    are there."""
    return any(contact in learned.pending for learned in learned_in(policy))
