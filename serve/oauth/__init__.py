"""The authorization server: how staff and integrations get tokens, and how tokens end."""
