"""The compiled engine: one event loop over plain arrays."""
