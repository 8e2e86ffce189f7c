"""Exploration: chance in small doses, with its probabilities in the log.

A deterministic policy's log says nothing about any other: nobody else was ever tried. A wrapper
here leaves to its policy who is served, and in which order, and now and then gives a contact to
another agent. So no promise about waiting is touched, and `Match.why` holds the probability of
every choice.
"""
