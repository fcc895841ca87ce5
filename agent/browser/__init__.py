"""Hands on the browser: launch, channel, network, permissions. The only importer of playwright."""
