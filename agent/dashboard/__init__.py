"""The dashboard of a running agent: pages that answer why, and a control API, on loopback alone."""
