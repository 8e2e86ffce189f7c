"""A policy of one's own: keep the last idle agent of each group free for those who are ageing.

    python -m policies compare examples/scenarios/two_skills.yaml \\
        --policy longest_idle --policy examples/own_policy.py:KeepOneBack
    python -m examples.own_policy          # the exam
"""

from __future__ import annotations

from random import Random

from policies.checks import CHECKS, ExamError
from policies.draft import Draft, oldest_first
from policies.longest_idle import idle_order
from policies.view import AgentView, ContactView, Match, View

PATIENT_S = 15.0


class KeepOneBack:
    """Longest idle, but a contact younger than `PATIENT_S` never takes the last free agent."""

    name = "keep_one_back"

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `policies.view.Policy`."""

        def choose(contact: ContactView, draft: Draft) -> AgentView | None:
            waited_s = view.now - contact.virtual_at
            if waited_s < PATIENT_S and len(draft.eligible(contact)) < 2:
                return None
            return draft.best(contact, idle_order)

        return oldest_first(view, choose)


def main() -> None:
    """Take the exam, and say which checks this policy fails and why."""
    for check in CHECKS:
        try:
            check(KeepOneBack)
        except ExamError as error:
            print(f"{check.__name__}: {error}")
        else:
            print(f"{check.__name__}: passed")


if __name__ == "__main__":
    main()
