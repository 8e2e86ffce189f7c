"""The bots that answer first, pure."""
