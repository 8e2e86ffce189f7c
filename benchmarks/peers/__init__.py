"""Other chat servers that do the same durable work, for an honest comparison."""
