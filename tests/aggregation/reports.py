"""Reports to aggregate, for the tests beside this module."""

from __future__ import annotations

from typing import Any

from agent.crypto.conversion_report import seal_report
from agent.crypto.keys import KeyRing, generate_key
from agent.model.attribution import Dialect
from agent.model.conversion_report import ConversionReport
from agent.model.rng import SeededRng

KEY = generate_key(SeededRng(1))
KEYS = KeyRing(KEY)
SERVICE = "https://aggregator.test"
NOW = 1_767_603_600_000
_RNG = SeededRng(7)


def report(number: int = 0, **changes: Any) -> ConversionReport:
    """The report ``number``: current dialect, epsilon 1, maxValue 10, one count of 3 in bucket ``number % 4``."""
    fields: dict[str, Any] = {
        "dialect": Dialect.CURRENT,
        "service": SERVICE,
        "report_id": number.to_bytes(16, "big"),
        "time": NOW,
        "micro_epsilon": 1_000_000,
        "max_value": 10,
        "budget_source": "shop.test",
        "collector": "adtech.test",
        "histogram": tuple(3 if bucket == number % 4 else 0 for bucket in range(4)),
    }
    return ConversionReport(**fields | changes)


def sealed(number: int = 0, **changes: Any) -> bytes:
    """The report ``number`` as the collector gets it."""
    return seal_report(report(number, **changes), KEY.public, _RNG)


def sealed_batch(count: int = 20, **changes: Any) -> list[bytes]:
    """The reports 0 .. ``count``-1, alike but for id and bucket."""
    return [sealed(number, **changes) for number in range(count)]
