"""One module for each command; agent.cli.main imports the one that is called."""
