"""What an agent remembers and does, as plain JSON values: the command line and the dashboard tell the same."""
