"""Rules: pure functions over frozen facts. No clock, random source, file, network or database is within reach."""
