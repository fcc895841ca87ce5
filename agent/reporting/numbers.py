"""Numbers as people read them."""

from __future__ import annotations


def significant(value: float, digits: int) -> str:
    """``value`` with so many significant digits, or all those before its point: ``6,553.6``, ``92,682``."""
    return f"{value:,.{digits}g}" if abs(value) < 10 ** (digits - 1) else f"{value:,.0f}"
