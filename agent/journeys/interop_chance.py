"""What chance decides in a story of Attribution Reporting: its responses say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agent.journeys.story import StoryError
from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.registrations import SourceRegistration

_MOST = 2**53
"""No number of a story is larger: sums with it are still numbers of SQLite."""


class StoryChance:
    """The choices that a response gives in the place of chance; see facts.Chance."""

    def __init__(self) -> None:
        self._response: tuple[FakeReport, ...] | None = None
        self._null_report_days: frozenset[int] = frozenset()
        self._delays: list[int] = []
        self._report_ids: list[str] = []
        self._given: set[str] = set()
        self._reports = 0

    def read(self, response: Mapping[str, Any]) -> None:
        """Take the choices of the next ``response``. Raises StoryError."""
        self._response = _randomized_response(response.get("randomized_response"))
        self._null_report_days = frozenset(_numbers(response, "null_aggregatable_reports_days"))
        self._delays = _numbers(response, "aggregatable_delays")
        self._report_ids = texts(response, "report_ids")
        for one in self._report_ids:
            if one in self._given:
                raise StoryError(f"`report_ids`: {one!r} is there twice")
            self._given.add(one)

    def randomized_response(self, registration: SourceRegistration, rate: float) -> tuple[FakeReport, ...] | None:
        """The response's."""
        del registration, rate
        return self._response

    def null_report(self, rate: float, day: int) -> bool:
        """Whether the response lists the day."""
        del rate
        return day in self._null_report_days

    def aggregatable_delay(self, minimum: int, span: int) -> int:
        """The response's next, else the longest."""
        return self._delays.pop(0) if self._delays else minimum + span

    def report_id(self) -> str:
        """The response's next, else the next of a row."""
        if self._report_ids:
            return self._report_ids.pop(0)
        while True:
            self._reports += 1
            report_id = str(UUID(int=self._reports, version=4))
            if report_id not in self._given:
                self._given.add(report_id)
                return report_id


def _randomized_response(given: object) -> tuple[FakeReport, ...] | None:
    if given is None:
        return None
    reports = []
    for one in given if isinstance(given, list) else [given]:
        match one:
            case {"trigger_data": int(data), "report_window_index": int(window)}:
                reports.append(FakeReport(data, window))
            case _:
                raise StoryError(
                    "`randomized_response` must be a list of {`trigger_data`: number, `report_window_index`: number}"
                )
    return tuple(reports)


def _numbers(response: Mapping[str, Any], key: str) -> list[int]:
    given = response.get(key, [])
    if not isinstance(given, list) or not all(type(one) is int and abs(one) <= _MOST for one in given):
        raise StoryError(f"`{key}` must be a list of whole numbers")
    return list(given)


def texts(parent: Mapping[str, Any], key: str) -> list[str]:
    """The list of strings that ``parent`` may have. Raises StoryError for anything else."""
    given = parent.get(key, [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise StoryError(f"`{key}` must be a list of strings")
    return list(given)
