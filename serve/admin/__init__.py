"""The administration: its HTTP API under /v1/admin, its OpenAPI document, its command line."""
