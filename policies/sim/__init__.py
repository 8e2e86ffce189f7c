"""The simulator: a scenario file in, measures with confidence intervals out.

    from policies.sim import read_scenario, simulate

    result = simulate(read_scenario("examples/scenarios/two_skills.yaml"), "longest_idle")
    print(result.measure("service_level"))

`compare` runs several policies on the same contacts. A policy is a name or any object with
`decide(view, rng)`.
"""

from policies.sim.built_in import UnknownPolicyError, make_policy, policy_names
from policies.sim.estimates import Estimate
from policies.sim.python_run import PolicyError
from policies.sim.reading import ScenarioError, make_scenario, read_scenario
from policies.sim.results import MEASURES, Result
from policies.sim.scenario import Scenario
from policies.sim.simulation import compare, simulate

__all__ = [
    "MEASURES",
    "Estimate",
    "PolicyError",
    "Result",
    "Scenario",
    "ScenarioError",
    "UnknownPolicyError",
    "compare",
    "make_policy",
    "make_scenario",
    "policy_names",
    "read_scenario",
    "simulate",
]
