"""Experiments on live routing: policies in the shadow, switchback tests, and when to stop.

from policies.experiments import Design, analyse

design = Design(start=0.0, end=14 * 86_400.0, block_s=7_200.0, burn_in_s=1_800.0, seed=7)
design.arm_at(now)             # 0 or 1, for everybody at once
analyse(design, at, reward)    # the lift, with its interval and a randomisation test
"""

from policies.experiments.analysis import Finding, analyse
from policies.experiments.design import Design, DesignError

__all__ = ["Design", "DesignError", "Finding", "analyse"]
