"""The search: Optuna proposes where to turn the knobs, trials say how that was.

Source of the sampler: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter
optimization", NIPS 2011; for several objectives: Ozaki, Tanigaki, Watanabe and Onishi,
"Multiobjective tree-structured Parzen estimator", JAIR 73 (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna

from policies.sim.simulation import Progress
from policies.tuning.knobs import Knob
from policies.tuning.trial import Objective, Task, Trial, run_trial

Distributions = dict[str, optuna.distributions.BaseDistribution]


@dataclass(frozen=True)
class Search:
    """Every trial of a search; the first has every knob where it usually stands."""

    task: Task
    knobs: Mapping[str, Knob]
    trials: Sequence[Trial]

    def frontier(self) -> list[int]:
        """Return the trials that no other beats in one objective without losing in another, in
        the order of the first objective; of equal ones the first."""
        scores = np.array([self._scores(trial) for trial in self.trials])
        kept = []
        for at, mine in enumerate(scores):
            no_worse = (scores >= mine).all(axis=1)
            better = (scores > mine).any(axis=1)
            equal = (scores[:at] == mine).all(axis=1).any()
            if np.isfinite(mine).all() and not equal and not (no_worse & better).any():
                kept.append(at)
        return sorted(kept, key=lambda at: -scores[at][0])

    def _scores(self, trial: Trial) -> list[float]:
        """Return the objectives with their signs turned so that more is better; nan as worst."""
        scores = []
        for objective in self.task.objectives:
            value = trial.estimate(objective.name).value
            scores.append(-np.inf if np.isnan(value) else value if objective.maximise else -value)
        return scores

    def table(self) -> dict[str, Any]:
        """Return everything as plain numbers, ready for JSON."""
        names = [objective.name for objective in self.task.objectives]
        frontier = self.frontier()
        return {
            "policy": self.task.policy,
            "objectives": {o.name: "max" if o.maximise else "min" for o in self.task.objectives},
            "replications": self.task.replications,
            "seed": self.task.seed,
            "knobs": {name: knob._asdict() for name, knob in self.knobs.items()},
            "frontier": frontier,
            "trials": [
                {
                    "values": trial.values,
                    "objectives": {n: trial.estimate(n)._asdict() for n in names},
                    "less_usual": {n: trial.gain(self.trials[0], n)._asdict() for n in names},
                }
                for trial in self.trials
            ],
        }


def distributions(knobs: Mapping[str, Knob]) -> Distributions:
    """Return the knobs as Optuna knows them."""
    found: Distributions = {}
    for name, knob in knobs.items():
        if knob.whole:
            found[name] = optuna.distributions.IntDistribution(int(knob.low), int(knob.high))
        else:
            found[name] = optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)
    return found


def usual(knobs: Mapping[str, Knob]) -> dict[str, float]:
    """Return every knob where it usually stands."""
    return {name: int(k.usual) if k.whole else float(k.usual) for name, k in knobs.items()}


def sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return what proposes trials; the same seed proposes the same after the same answers."""
    return optuna.samplers.TPESampler(seed=seed, multivariate=False, n_startup_trials=8)


def directions(objectives: Sequence[Objective]) -> list[Literal["maximize", "minimize"]]:
    """Return which way each objective is pushed, in Optuna's words."""
    return ["maximize" if objective.maximise else "minimize" for objective in objectives]


def search(
    task: Task, knobs: Mapping[str, Knob], trials: int, progress: Progress | None = None
) -> Search:
    """Search in this process, one trial after the other.

    Raises:
        PolicyError: the policy proposed something that dispatch would refuse.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=directions(task.objectives), sampler=sampler(task.seed))
    study.enqueue_trial(usual(knobs))
    space, found = distributions(knobs), list[Trial]()
    for number in range(trials):
        asked = study.ask(space)
        done = run_trial(task, asked.params)
        values = [done.estimate(objective.name).value for objective in task.objectives]
        failed = any(np.isnan(values))
        state = optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE
        study.tell(asked, None if failed else values, state=state)
        found.append(done)
        if progress is not None:
            progress(number + 1, trials)
    return Search(task, knobs, found)
