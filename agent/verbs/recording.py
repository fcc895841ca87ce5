"""What a registration was decided from beside what was stored: the response, and what chance decided.

It stands in the registration's event, so that a recorded run can be played again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from agent.model.attribution_reporting.eligibility import RegistrationResponse
from agent.model.attribution_reporting.facts import Chance, FakeReport
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceRegistration
from agent.model.changed_limits import changed_limits

LONGEST_FIELD = 65_536
"""Bytes of a field that an event keeps; what is longer, or no UTF-8, is ``altered`` and cannot be played again.

So many characters the options of a call may have; longer ones are left out of its event.
"""
_BEGINNING = 1024
"""Bytes that are kept of a longer one."""


def told_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """What an event tells of the options of a call: a page may pass megabytes, and call as often as it likes."""
    return {"options": dict(options)} if _characters(options) <= LONGEST_FIELD else {"altered": ["options"]}


def _characters(options: Mapping[str, Any]) -> int:
    """How many the texts in it have; each other value counts as one."""
    lists = (value if isinstance(value, list | tuple) else (value,) for value in options.values())
    return sum(len(one) if isinstance(one, str) else 1 for values in lists for one in values)


class Recording:
    """A :class:`Chance` that remembers what it decided for one ``response``."""

    def __init__(self, response: RegistrationResponse, chance: Chance, limits: AttributionReportingLimits) -> None:
        self._response, self._chance, self._limits = response, chance, limits
        self._drawn: dict[str, Any] = {}

    def randomized_response(self, registration: SourceRegistration, rate: float) -> tuple[FakeReport, ...] | None:
        """See :class:`Chance`."""
        reports = self._chance.randomized_response(registration, rate)
        if reports is not None:
            self._drawn["randomized_response"] = [
                {"trigger_data": one.trigger_data, "report_window_index": one.window} for one in reports
            ]
        return reports

    def null_report(self, rate: float, day: int) -> bool:
        """See :class:`Chance`."""
        made = self._chance.null_report(rate, day)
        if made:
            self._drawn.setdefault("null_aggregatable_reports_days", []).append(day)
        return made

    def aggregatable_delay(self, minimum: int, span: int) -> int:
        """See :class:`Chance`."""
        delay = self._chance.aggregatable_delay(minimum, span)
        self._drawn.setdefault("aggregatable_delays", []).append(delay)
        return delay

    def report_id(self) -> str:
        """See :class:`Chance`."""
        report_id = self._chance.report_id()
        self._drawn.setdefault("report_ids", []).append(report_id)
        return report_id

    def told(self) -> dict[str, Any]:
        """What an event tells of it, by now: ``asked``, ``drawn`` and, where it came over the network, ``http``."""
        response = self._response
        fields = {name: _kept(value).decode("utf-8", "replace") for name, value in response.fields.items()}
        altered = [name for name, value in response.fields.items() if fields[name].encode() != value]
        asked: dict[str, Any] = {
            "context_origin": response.context_origin,
            "url": response.url,
            "eligibility": response.eligibility.value,
            "fields": fields,
            "fenced": response.fenced,
            "navigation": response.navigation,
            "debug_permission": response.debug_permission,
        }
        if changed := changed_limits(self._limits):
            asked["limits"] = changed
        if altered:
            asked["altered"] = altered
        told: dict[str, Any] = {"asked": asked, "drawn": copy.deepcopy(self._drawn)}
        if response.http is not None:
            told["http"] = response.http
        return told


def _kept(value: bytes) -> bytes:
    return value if len(value) <= LONGEST_FIELD else value[:_BEGINNING]
