"""The actor model: pure state machines and the thin shells that run them."""
