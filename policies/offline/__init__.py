"""Off-policy evaluation: what another policy would have been worth, from logged decisions.

from policies.offline import evaluate, read_plain

evaluation = evaluate(read_plain("log.csv", "target.csv").logged)
print(evaluation.estimates["snips"])
"""

from policies.offline.estimators import ESTIMATORS, estimate
from policies.offline.evaluation import Evaluation, evaluate
from policies.offline.intervals import METHODS
from policies.offline.log_files import read_plain
from policies.offline.logged import LogError, Logged

__all__ = [
    "ESTIMATORS",
    "METHODS",
    "Evaluation",
    "LogError",
    "Logged",
    "estimate",
    "evaluate",
    "read_plain",
]
