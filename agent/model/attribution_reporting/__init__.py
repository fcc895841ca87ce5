"""WORDS of Attribution Reporting, as plain frozen data."""
