"""The same search on all cores, or on a cluster: Ray Tune runs the trials, Optuna proposes them.

The one file of the laboratory that imports Ray; it is loaded only when asked for.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch

from policies.sim.simulation import Progress
from policies.tuning.knobs import Knob
from policies.tuning.search import Search, distributions, sampler, usual
from policies.tuning.trial import Task, Trial, run_trial

ROOT = Path(__file__).parents[2]


class _Shown(tune.Callback):
    """Tells the progress line about each finished trial."""

    def __init__(self, trials: int, progress: Progress) -> None:
        self._trials, self._progress, self._done = trials, progress, 0

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        """Count one."""
        self._done += 1
        self._progress(self._done, self._trials)


def search_on_ray(
    task: Task,
    knobs: Mapping[str, Knob],
    trials: int,
    workers: int,
    *,
    address: str = "local",
    progress: Progress | None = None,
) -> Search:
    """Search with `workers` trials at a time; Ray is started on this machine, or joined.

    The first trial has every knob where it usually stands. With several workers the proposals
    depend on which trial ended first, so another run may try other values; each trial's outcome
    depends on its values alone.

    Raises:
        RuntimeError: a trial failed; the text has its reason.
    """
    os.environ.update(_environment())
    options: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    ray.init(
        address=address,
        log_to_driver=False,
        logging_level=logging.ERROR,
        **(options if address == "local" else {}),
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            shown: list[tune.Callback] = [_Shown(trials, progress)] if progress else []
            run = tune.RunConfig(storage_path=folder, verbose=0, callbacks=shown)
            results = _tuner(task, knobs, trials, workers, run).fit()
            return Search(task, knobs, _ordered(results))
    finally:
        ray.shutdown()


def _environment() -> dict[str, str]:
    """Return what keeps Ray Tune quiet, and lets workers import the project."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
    }


def _tuner(
    task: Task, knobs: Mapping[str, Knob], trials: int, workers: int, run: tune.RunConfig
) -> tune.Tuner:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    proposals = OptunaSearch(
        space=distributions(knobs),
        metric=[objective.name for objective in task.objectives],
        mode=["max" if objective.maximise else "min" for objective in task.objectives],
        points_to_evaluate=[usual(knobs)],
        sampler=sampler(task.seed),
    )

    def trial(values: dict[str, float]) -> dict[str, Any]:
        done = run_trial(task, values)
        found = {o.name: done.estimate(o.name).value for o in task.objectives}
        return {**found, "columns": done.columns}

    return tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(proposals, max_concurrent=workers), num_samples=trials
        ),
        run_config=run,
    )


def _ordered(results: Any) -> list[Trial]:
    """Return the trials in the order in which they were proposed.

    Raises:
        RuntimeError: one failed.
    """
    for error in results.errors:
        raise RuntimeError(f"tune: a trial failed: {str(error).strip().splitlines()[-1]}")
    return [Trial(dict(result.config), result.metrics["columns"]) for result in results]
