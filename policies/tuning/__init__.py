"""Tuning: which parameters of a policy are best in a simulated centre, by several objectives."""
