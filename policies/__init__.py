"""Routing decisions, pure: no Ray, no Redis, no event loop."""
