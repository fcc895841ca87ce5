"""Scripted runs: the demo and the stories."""
