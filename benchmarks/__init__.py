"""Programs that measure; each prints JSON with --json FILE."""
