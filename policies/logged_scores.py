"""Scores read back from the decision log: what the policy `learned` was told in a logged round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policies.decisions import Candidate, Decision
from policies.learned_policy import Pending, Scores
from policies.view import AgentView, ContactView


class LoggedScores:
    """Implements `policies.learned_policy.Scorer` for the rows of one round.

    A contact that the round did not decide had its scores on their way, or nobody to go to: in
    both cases it was left out.
    """

    def __init__(self, rows: Iterable[Decision]) -> None:
        self._known = {row.contact.session: _scores(row) for row in rows}

    def scores(
        self,
        contact: ContactView,
        agents: Sequence[AgentView],  # noqa: ARG002 - the log knows whom it was told of
        now: float,  # noqa: ARG002 - the same round
    ) -> Scores | Pending | None:
        """See `Scorer.scores`."""
        return self._known[contact.id] if contact.id in self._known else Pending()


def _scores(row: Decision) -> Scores | None:
    told = {one.agent: _predicted(one) for one in row.candidates if one.predictions}
    return Scores(row.model_version, row.features_version, told) if told else None


def _predicted(one: Candidate) -> tuple[float, float, float]:
    found = one.predictions
    return (found["handle_s"], found["solved"], found["rating"])
