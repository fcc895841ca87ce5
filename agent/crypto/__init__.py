"""Sealing: HPKE and the report envelope."""
