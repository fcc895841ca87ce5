"""One module for each command; agent.cli.main imports the one that is called.

A command imports what it runs when it runs (PLC0415), so that help and completion are quick: tests/cli/test_start.py.
"""
