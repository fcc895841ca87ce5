"""RULES of Attribution Reporting, in Chromium's order of checks."""
