"""Adapters to the world, and the deployment files."""
