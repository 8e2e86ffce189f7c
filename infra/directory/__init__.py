"""The directory: organisations, accounts, queues and their settings, in SQL."""
