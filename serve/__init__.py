"""The doors: WebSocket gateway, HTTP API, tokens, and the Ray Serve wiring."""
