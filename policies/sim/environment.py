"""The simulator as a Gymnasium environment: one step is one decision about one contact."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from policies.draft import Draft
from policies.longest_idle import LongestIdle, idle_order
from policies.sim.draws import throw_dice
from policies.sim.python_run import PythonRun
from policies.sim.scenario import DAY_S, Scenario
from policies.sim.simulation import Setting
from policies.view import ContactView, Match, View

Seen = NDArray[np.float32]
_SPARE = 20.0


class CentreEnv(gymnasium.Env[Seen, np.int64]):
    """A scenario's centre, one replication an episode.

    At each step the oldest contact that somebody free may serve asks for a group. Seen, in this
    order: the contact's type (one-hot, T), contacts waiting by type (T), age of the oldest by type
    in minutes (T), free agents by group (G), the time of day (0 to 1). Action: the group whose
    longest idle agent serves, or G to let the contact wait. `info["action_mask"]` tells the groups
    that may; any other is taken as G. Reward: minus the minutes waited by all since the last step,
    minus `abandon_cost` for each contact that gave up.
    """

    def __init__(self, scenario: Scenario, abandon_cost: float = 1.0) -> None:
        self.scenario, self.abandon_cost = scenario, abandon_cost
        self.types, self.groups = list(scenario.types), list(scenario.groups)
        self._setting = Setting.of(scenario)
        size = 3 * len(self.types) + len(self.groups) + 1
        self.observation_space = spaces.Box(0.0, np.inf, (size,), np.float32)
        self.action_space = spaces.Discrete(len(self.groups) + 1)
        self._episode = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Seen, dict[str, Any]]:
        """Start a replication: of `seed`, or the next one of the last seed."""
        super().reset(seed=seed, options=options)
        self._episode = 0 if seed is not None else self._episode + 1
        base = self.scenario.seed if self.np_random_seed is None else self.np_random_seed
        setting = self._setting
        dice = throw_dice(self.scenario, setting.plan, int(base), self._episode, _SPARE)
        self._run = PythonRun(setting.centre, setting.names, dice, LongestIdle())
        self._rounds: Generator[View, list[Match], None] = self._run.rounds()
        self._counted = (0.0, 0)
        self._open(next(self._rounds, None))
        self._advance()
        return self._observation(), self._info()

    def step(self, action: np.int64) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        """Decide for the contact at hand, and go on to the next that asks."""
        if self._contact is None:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset")
        agents = self._eligible(self._contact)
        if int(action) < len(self.groups):
            mine = [agent for agent in agents if self.groups[int(action)] in agent.groups]
            if mine:
                self._draft.give(self._contact, min(mine, key=lambda a: (*idle_order(a), a.id)))
        self._advance()
        return self._observation(), self._reward(), self._contact is None, False, self._info()

    def _open(self, view: View | None) -> None:
        """Begin a round of decisions; None: the replication is over."""
        self._over = view is None
        self._contact: ContactView | None = None
        if view is not None:
            self._draft = Draft(view)
            self._candidates: Iterator[ContactView] = self._draft.candidates()

    def _advance(self) -> None:
        """Go on to the next contact that somebody free may serve, through rounds and events."""
        while not self._over:
            for contact in self._candidates:
                if self._eligible(contact):
                    self._contact = contact
                    return
            try:
                self._open(self._rounds.send(self._draft.matches))
            except StopIteration:
                self._open(None)

    def _eligible(self, contact: ContactView) -> list[Any]:
        return self._draft.eligible(contact)

    def _observation(self) -> Seen:
        kinds, n = self.types, len(self.types)
        seen = np.zeros(self.observation_space.shape or (0,), dtype=np.float32)
        if self._contact is None:
            return seen
        now, given = self._run.now, {match.contact for match in self._draft.matches}
        seen[kinds.index(self._contact.demand.queue)] = 1.0
        for contact in self._run.waits:
            if contact.id not in given:
                kind = kinds.index(contact.demand.queue)
                seen[n + kind] += 1.0
                seen[2 * n + kind] = max(seen[2 * n + kind], (now - contact.arrived_at) / 60)
        for agent in self._run.pool.free:
            for group in self._draft.agent(agent).groups if self._draft.agent(agent).open else ():
                seen[3 * n + self.groups.index(group)] += 1.0
        seen[-1] = now % DAY_S / DAY_S
        return seen

    def _info(self) -> dict[str, Any]:
        mask = np.zeros(len(self.groups) + 1, dtype=np.int8)
        mask[-1] = 1
        for agent in self._eligible(self._contact) if self._contact else ():
            for group in agent.groups:
                mask[self.groups.index(group)] = 1
        return {"action_mask": mask, "now_s": self._run.now}

    def _reward(self) -> float:
        waited, abandoned = self._run.waited_s, self._run.abandoned_n
        before_waited, before_abandoned = self._counted
        self._counted = (waited, abandoned)
        gone = abandoned - before_abandoned
        return -(waited - before_waited) / 60 - self.abandon_cost * gone
