"""Experiments on live routing: policies in the shadow, switchback tests, and when to stop.

    from policies.experiments.analysis import analyse
    from policies.experiments.design import Design

    design = Design(start=0.0, end=14 * 86_400.0, block_s=7_200.0, burn_in_s=1_800.0, seed=7)
    design.arm_at(now)             # 0 or 1, for everybody at once
    analyse(design, at, reward)    # the lift, with its interval and a randomisation test

What decides live (`arms`, `design`, `shadow`) loads nothing of the simulator.
"""
