"""README.md's section *Limits*, made from docs/limits.toml; ``python -m tests.house.limits`` prints it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from tests.conformance_data import REPOSITORY

HEADING = "## Limits"


def section() -> str:
    """The section as README.md must end with it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    table = tomllib.loads((REPOSITORY / "docs" / "limits.toml").read_text(encoding="utf-8"))
    yield HEADING
    yield ""
    yield "What differs from real Chromium:"
    yield ""
    yield "| | Chromium | tallyhost |"
    yield "|---|---|---|"
    yield from (f"| {row['subject']} | {row['chromium']} | {row['here']} |" for row in table["difference"])
    yield ""
    yield "What differs from the real aggregation service:"
    yield ""
    yield "| | the service | tallyhost |"
    yield "|---|---|---|"
    yield from (f"| {row['subject']} | {row['service']} | {row['here']} |" for row in table["service"])
    yield ""
    yield "What the specifications and explainers name as future, and is not built:"
    yield ""
    yield "| | here |"
    yield "|---|---|"
    yield from (f"| {row['subject']} | {row['state']} |" for row in table["future"])


if __name__ == "__main__":
    print(section(), end="")
