"""Journeys: what a person does on sites, step by step in YAML or Python, and what is expected to come of it."""
