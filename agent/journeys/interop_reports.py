"""Where the reports that an interop story sent are not those that it expects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.reporting.interop_form import Json


@dataclass(frozen=True, slots=True)
class ReportMismatch:
    """A report that was expected and did not come, one that came and was not expected, or both, alike enough."""

    expected: Json | None
    result: Json | None

    def __str__(self) -> str:
        if self.result is None:
            return f"missing: {_short(self.expected)}"
        if self.expected is None:
            return f"not expected: {_short(self.result)}"
        differences = "".join(f"\n        {line}" for line in _differences(self.expected, self.result, ""))
        return f"differs: {self.result['report_url']} at {self.result['report_time']}{differences}"


def compare(expected: Sequence[Json], results: Sequence[Json]) -> list[ReportMismatch]:
    """What differs between two sets of reports in normal form; of those that differ, like is shown beside like."""
    unexpected = list(results)
    missing: list[Json] = []
    for report in expected:
        if report in unexpected:
            unexpected.remove(report)
        else:
            missing.append(report)
    mismatches = []
    for report in missing:
        alike = _most_alike(report, unexpected)
        if alike is not None:
            unexpected.remove(alike)
        mismatches.append(ReportMismatch(report, alike))
    return mismatches + [ReportMismatch(None, report) for report in unexpected]


def _most_alike(report: Json, others: Sequence[Json]) -> Json | None:
    """Of the reports that went to the same URL, the one with the fewest differences."""
    candidates = [other for other in others if other["report_url"] == report["report_url"]]
    return min(candidates, key=lambda other: sum(1 for _ in _differences(report, other, "")), default=None)


def _differences(expected: Any, result: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(result, dict):
        for key in sorted(expected.keys() | result.keys()):
            place = f"{path}.{key}".removeprefix(".")
            if key not in result:
                yield f"{place}: expected {_short(expected[key])}, is missing"
            elif key not in expected:
                yield f"{place}: not expected, is {_short(result[key])}"
            else:
                yield from _differences(expected[key], result[key], place)
    elif isinstance(expected, list) and isinstance(result, list) and len(expected) == len(result):
        for position, (one, other) in enumerate(zip(expected, result, strict=True)):
            yield from _differences(one, other, f"{path}[{position}]")
    elif expected != result:
        yield f"{path}: expected {_short(expected)}, is {_short(result)}"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
