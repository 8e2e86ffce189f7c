"""The features of a pair of contact and agent: one module for training and for live scoring.

Every feature is computed from the views that a policy sees (`ContactView`, `AgentView`), from the
clock, and from `Beliefs` about agents and intents. Rows of the decision log give the same views
(`policies.decision_views`), so what a model is trained on is what it is asked.

What is not here is left out on purpose: no name, no customer id, no language of the person, no VIP
level, and nothing that `PROTECTED` lists. A model cannot weigh what it is never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p

import numpy as np

from policies.arrays import Floats
from policies.learned.beliefs import Beliefs
from policies.view import AgentView, ContactView

VERSION = "1"
"""Changes whenever a column changes its meaning; a model of another version is refused."""
PROTECTED = frozenset(
    {
        "age",
        "birth",
        "disability",
        "ethnicity",
        "gender",
        "marital",
        "name",
        "nationality",
        "pregnancy",
        "race",
        "religion",
        "sex",
        "union",
    }
)
"""Attributes of people that no feature may be, be named after, or be made of."""
CONTACT = ("waited_log_s", "attempts_n", "relaxed_n", "returns_to_agent", "hour_sin", "hour_cos")
AGENT = ("contacts_n", "load", "idle_log_s", "lately_n", "skill_level_least", "skill_margin_least")
BELIEF = (
    "solved_of_pair",
    "solved_of_agent",
    "solved_of_intent",
    "handle_log_s_of_pair",
    "handle_log_s_of_agent",
    "handle_log_s_of_intent",
    "rating_of_pair",
    "seen_of_pair_log_n",
)
NAMES = CONTACT + AGENT + BELIEF
DAY_S = 86_400.0
Known = dict[tuple[str, str], tuple[float, ...]]
"""(agent, intent) -> what is believed of them."""
KNOWN_N = 200_000


def intent_of(contact: ContactView) -> str:
    """Return what the contact is about: the intent that a bot found, else the queue."""
    return contact.intent or f"queue:{contact.demand.queue}"


def matrix(
    contact: ContactView,
    agents: Sequence[AgentView],
    now: float,
    beliefs: Beliefs,
    known: Known | None = None,
) -> Floats:
    """Return the features of the contact with each agent, (agents, `NAMES`).

    `known` remembers what these beliefs say of pairs, from one call to the next.
    """
    rows = np.empty((len(agents), len(NAMES)))
    rows[:, : len(CONTACT)] = _of_contact(contact, now)
    intent = intent_of(contact)
    known = {} if known is None else known
    for row, agent in enumerate(agents):
        pair = (agent.id, intent)
        if pair not in known:
            if len(known) >= KNOWN_N:
                known.clear()
            known[pair] = _believed(agent.id, intent, beliefs)
        rows[row, len(CONTACT) :] = _of_agent(contact, agent, now) + known[pair]
    returns = CONTACT.index("returns_to_agent")
    rows[:, returns] = [float(contact.prefer == agent.id) for agent in agents]
    return rows


def _of_contact(contact: ContactView, now: float) -> tuple[float, ...]:
    turn = 2.0 * np.pi * (now % DAY_S) / DAY_S
    return (
        log1p(max(now - contact.arrived_at, 0.0)),
        float(len(contact.tried)),
        float(contact.relaxed),
        0.0,
        float(np.sin(turn)),
        float(np.cos(turn)),
    )


def _of_agent(contact: ContactView, agent: AgentView, now: float) -> tuple[float, ...]:
    needs = contact.demand.needs
    levels = [agent.skills.get(skill, 0) for skill, _ in needs]
    margins = [agent.skills.get(skill, 0) - least for skill, least in needs]
    return (
        float(agent.contacts_n),
        agent.used / agent.capacity if agent.capacity else 1.0,
        log1p(max(now - agent.idle_since, 0.0)),
        agent.lately_at(now),
        float(min(levels, default=0)),
        float(min(margins, default=0)),
    )


def _believed(agent: str, intent: str, beliefs: Beliefs) -> tuple[float, ...]:
    solved, handle, rating = beliefs.solved, beliefs.handle_s, beliefs.rating
    return (
        solved.of_pair(agent, intent),
        solved.of_agent(agent),
        solved.of_intent(intent),
        log1p(handle.of_pair(agent, intent)),
        log1p(handle.of_agent(agent)),
        log1p(handle.of_intent(intent)),
        rating.of_pair(agent, intent),
        log1p(solved.pair_n(agent, intent)),
    )
