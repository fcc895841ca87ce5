"""Private Aggregation: what becomes of a batch of contributions, as pure functions."""
