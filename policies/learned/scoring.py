"""A model in this process as the scorer of the policy `learned`: for the laboratory."""

from __future__ import annotations

from collections.abc import Sequence

from policies import features
from policies.learned.model import Model, Predictions
from policies.learned_policy import Scores
from policies.view import AgentView, ContactView


class InProcess:
    """Scores with a model at hand."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def scores(self, contact: ContactView, agents: Sequence[AgentView], now: float) -> Scores:
        """Return the scores of these agents."""
        return scored(self._model, agents, self._model.predict(contact, agents, now))


def scored(model: Model, agents: Sequence[AgentView], found: Predictions) -> Scores:
    """Return predictions as the policy reads them."""
    columns = zip(
        found.handle_s.tolist(), found.solved.tolist(), found.rating.tolist(), strict=True
    )
    return Scores(
        model=model.version,
        features=features.VERSION,
        agents=dict(zip((agent.id for agent in agents), columns, strict=True)),
    )
