"""Value greedy: the pair of most value, now, with no thought of tomorrow."""

from __future__ import annotations

from random import Random
from typing import Literal

from policies.draft import oldest_first
from policies.prices import Pairs, Prices, most_worthwhile, worthiest
from policies.view import Match, View


class ValueGreedy:
    """The contact goes to the free agent who is worth most to it (by probability of solving it, or
    whatever `worth` holds), and a free agent takes the contact that it is worth most to.

    `worth`: (group, queue) -> number; 0 where it is silent. `sides="one"` is the control that most
    centres run: the best agent for a contact, but a free agent takes whoever waits longest.
    Longest idle settles ties. Source: Mehrotra, Ross, Ryder and Zhou, "Routing to manage
    resolution and waiting time in call centers with heterogeneous servers", M&SOM 14 (2012).
    """

    name = "value_greedy"

    def __init__(
        self, worth: Pairs | None = None, *, sides: Literal["one", "both"] = "both"
    ) -> None:
        self._prices, self._sides = Prices(dict(worth or {})), sides

    def decide(self, view: View, rng: Random) -> list[Match]:  # noqa: ARG002 - needs no dice
        """Return the matches; see `Policy.decide`."""
        if self._sides == "both":
            return most_worthwhile(view, self._prices)
        return oldest_first(view, lambda contact, draft: worthiest(contact, draft, self._prices))
