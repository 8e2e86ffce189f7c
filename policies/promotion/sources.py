"""Evidence from where it arises: decision logs and simulations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from policies.decisions import Decision, Outcome
from policies.experiments.arms import CANDIDATE, LIVE
from policies.offline.decision_logs import asked_again, from_decisions
from policies.offline.evaluation import evaluate
from policies.offline.interference import MUCH
from policies.offline.reward_model import with_means
from policies.promotion.evidence import Comparison, Explored, Lift, Offline, Ramped, Shadowed
from policies.promotion.evidence import Simulator as Simulated
from policies.promotion.health import SERVICE_LEVEL
from policies.sim.estimates import Estimate
from policies.sim.scenario import Scenario
from policies.sim.simulation import Progress, compare
from policies.view import HOLD, Policy, QueueView

ESTIMATOR = "dr"
SERVICE_LEVEL_S = 20.0
"""Where the log does not tell the queue's own."""

Measure = Callable[[Decision, Outcome, float], bool | None]
MEASURES: dict[str, Measure] = {
    SERVICE_LEVEL: lambda _, told, level: (
        None if told.wait_s is None else told.wait_s <= level and not told.abandoned
    ),
    "solved": lambda _, told, __: told.solved,
    "not_declined": lambda _, told, __: None if told.ending is None else told.ending == "accepted",
}
"""What the arms are compared on."""
GROUPS: dict[str, Callable[[Decision], str]] = {
    "vip": lambda row: "yes" if row.contact.vip else "no",
    "lang": lambda row: row.contact.lang,
    "queue": lambda row: row.contact.queue,
}
"""Who must not be worse off."""


def offline(rows: Sequence[Decision], candidate: Policy, reward: str, source: str) -> Offline:
    """Return what a log says of the candidate.

    Raises:
        LogError: the log cannot be evaluated.
    """
    log = from_decisions(rows, candidate, reward, source)
    found = evaluate(with_means(log.logged, log.cell))
    return Offline(
        estimator=ESTIMATOR,
        lift=_lift(found.lifts[ESTIMATOR]),
        effective_n=found.diagnostics.effective_n,
        unsupported_mass=found.diagnostics.unsupported_mass,
        interference=log.interference.share >= MUCH,
    )


def explored(rows: Sequence[Decision], candidate: Policy, reward: str, source: str) -> Explored:
    """Return the same of the decisions that were drawn by lot.

    Raises:
        LogError: there are none.
    """
    drawn = [row for row in rows if row.propensity < 1.0]
    found = offline(drawn, candidate, reward, f"{source}: decisions with exploration")
    return Explored(found.lift, found.effective_n, found.unsupported_mass)


def simulated(
    scenario: Scenario,
    live: str | Policy,
    candidate: str | Policy,
    measure: str,
    progress: Progress | None = None,
) -> Simulated:
    """Return how a simulated centre changes, on the same contacts."""
    before, after = compare(scenario, [live, candidate], progress=progress)
    return Simulated(
        measure=measure,
        lift=_lift(after.difference(before, measure)),
        service_level=_lift(after.difference(before, SERVICE_LEVEL)),
        replications=len(after.sums),
    )


def shadowed(rows: Iterable[Decision], candidate: str, since: float) -> Shadowed:
    """Return how often the candidate answered in the shadow, and as the live policy did."""
    mine = [row for row in rows if row.at >= since]
    answered = [row for row in mine if candidate in row.shadow]
    agreed = sum(row.shadow[candidate] == row.action for row in answered)
    return Shadowed(len(mine), len(answered), agreed)


def shadowed_afterwards(rows: Sequence[Decision], candidate: Policy, since: float) -> Shadowed:
    """Return the same for a candidate that is asked now, about the whole rows of the log."""
    queues = {queue.id: queue for row in rows if row.scene for queue in row.scene.queues}
    mine = [row for row in rows if row.at >= since and row.detail == "full" and row.action != HOLD]
    answers = [_answer(row, candidate, queues) for row in mine]
    agreed_n = sum(answer == row.action for answer, row in zip(answers, mine, strict=True))
    return Shadowed(len(mine), sum(answer is not None for answer in answers), agreed_n)


def _answer(row: Decision, candidate: Policy, queues: Mapping[str, QueueView]) -> str | None:
    """Return what the candidate would most probably have done, None if it raises."""
    try:
        chances = asked_again(row, candidate, queues)
    except Exception:  # noqa: BLE001 - whatever a candidate raises, it gave no answer
        return None
    return max(chances, key=chances.__getitem__)


def ramped(rows: Iterable[Decision], experiment: str, since: float) -> Ramped:
    """Return both arms side by side, over all and by group, from contacts whose end is known."""
    levels: dict[str, float] = {}
    last: dict[tuple[str, int], Decision] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.place)):
        if row.scene:
            levels.update((queue.id, queue.service_level_s) for queue in row.scene.queues)
        if row.experiment == experiment and row.at >= since and row.outcome is not None:
            last[row.contact.session, row.contact.episode] = row
    counts: dict[tuple[str, str], dict[str, list[int]]] = {}
    for row in last.values():
        level = levels.get(row.contact.queue, SERVICE_LEVEL_S)
        for key, good in _counted(row, level):
            arm = counts.setdefault(key, {LIVE: [0, 0], CANDIDATE: [0, 0]}).get(row.arm)
            if arm is not None:
                arm[0] += 1
                arm[1] += good
    times = [row.at for row in last.values()]
    hours = (max(times) - min(times)) / 3600 if times else 0.0
    return Ramped(tuple(_compared(*key, arms) for key, arms in sorted(counts.items())), hours)


def _counted(row: Decision, level: float) -> Iterable[tuple[tuple[str, str], bool]]:
    """Yield ((measure, group), good) for all and for each group of a decision."""
    groups = [f"{name}={value}" for name, of in GROUPS.items() if (value := of(row))]
    for name, measure in MEASURES.items():
        good = None if row.outcome is None else measure(row, row.outcome, level)
        if good is not None:
            yield from (((name, group), good) for group in ["", *groups])


def _compared(measure: str, group: str, arms: dict[str, list[int]]) -> Comparison:
    (live_n, live), (candidate_n, candidate) = arms[LIVE], arms[CANDIDATE]
    return Comparison(
        measure=measure,
        group=group,
        live_n=live_n,
        live=live / live_n if live_n else 0.0,
        candidate_n=candidate_n,
        candidate=candidate / candidate_n if candidate_n else 0.0,
    )


def _lift(found: Estimate) -> Lift:
    return Lift(found.value, found.low, found.high)
