"""docs/reference/verdicts.md: how decisions end, by API."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.aggregation.outcome import AggregationErrorCode
from agent.aggregation.outputs import result_info_document
from agent.model.aggregation import ErrorCounter, ResultInfo, ReturnCode
from agent.model.attribution import AttributionVerdict
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict
from agent.model.chaos import Strike
from agent.model.conversion_report import ReportRefusalCode
from agent.model.events import Event
from agent.model.private_aggregation import BatchVerdict
from agent.model.reports import ReportState
from agent.model.shared_storage import StorageVerdict
from agent.reporting.aggregation_view import MEANINGS
from tests.house.reference.markdown import code, enum_rows, page, sentence, table
from tests.house.test_explained_verdicts import SCENES, named
from tests.house.verdicts.scene import happened

VERDICTS: Mapping[type[StrEnum], str] = {
    AttributionVerdict: "W3C Attribution",
    SourceVerdict: "Attribution Reporting: sources",
    TriggerVerdict: "Attribution Reporting: triggers",
    StorageVerdict: "Shared Storage",
    BatchVerdict: "Private Aggregation",
    ReportState: "Reports",
    Strike: "Chaos",
    ReturnCode: "Aggregation service: jobs",
    ErrorCounter: "Aggregation service: reports",
    AggregationErrorCode: "Aggregation of conversion reports",
    ReportRefusalCode: "Conversion reports that cannot be read",
}
"""The enums of verdicts, and the heading of each."""
_INTRODUCTION = """How decisions end, in the words of events, reports, expectations and `tallyhost explain`.

`tallyhost explain` prints the check that failed, by how far, and what to change."""


def verdicts_page() -> str:
    """The text of the page."""
    return page("Verdicts", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    for enum, heading in VERDICTS.items():
        yield f"## {heading}"
        yield ""
        yield sentence(enum.__doc__ or "")
        yield ""
        fixes = {code(member.value): remedies().get(named(member), "") for member in enum}
        rows = [(verdict, meaning, fixes[verdict]) for verdict, meaning in _MEANINGS.get(enum, enum_rows)(enum)]
        if any(fixes.values()):
            yield from table(("Verdict", "Meaning", "What to do, for example"), rows)
        else:
            yield from table(("Verdict", "Meaning"), (row[:2] for row in rows))


@functools.cache
def remedies() -> Mapping[str, str]:
    """What the explanation of each verdict's scene says to do, by the verdict's name."""
    return asyncio.run(_remedies())


async def _remedies() -> dict[str, str]:
    found = {}
    for name, (_, scene) in SCENES.items():
        with TemporaryDirectory() as folder:
            made = await happened(scene, Path(folder, "scene"))
        checks = made.trace.checks if isinstance(made, Event) else made.checks
        told = [check.fix for check in checks if not check.passed and check.rule == scene.rule]
        found[name] = told[-1] if told else ""
    return found


def _codes(_: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Return codes, in the words of the command's output."""
    yield from ((code(verdict), f"{meaning[:1].upper()}{meaning[1:]}.") for verdict, meaning in MEANINGS.items())


def _counters(_: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Counters, in the words of ``result_info``."""
    every = ResultInfo(ReturnCode.SUCCESS_WITH_ERRORS, "", dict.fromkeys(ErrorCounter, 1), (), 0)
    for counted in result_info_document(every)["error_summary"]["error_counts"]:
        yield code(counted["category"]), counted["description"]


_MEANINGS: Mapping[type[StrEnum], Callable[[type[StrEnum]], Iterator[tuple[str, str]]]] = {
    ReturnCode: _codes,
    ErrorCounter: _counters,
}
