"""Sending what is due, on the agent's clock."""
