"""Words: the nouns of the specifications as plain frozen data. Imports nothing of the project."""
