"""The tests; a package only so that an installed namesake cannot hide `tests.support`."""
