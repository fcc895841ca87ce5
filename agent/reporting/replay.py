"""A recorded run as stories: what asked for something, when, and what chance decided; and what came of it.

``tallyhost story`` plays them without a browser. W3C Attribution becomes a story of its e2e format, Attribution
Reporting one of Chromium's interop format; docs/bundles.md describes the members that these formats lack.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from agent.model.attribution import AttributionVerdict
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.clock import format_instant
from agent.model.events import Event
from agent.model.explanation import DROPPED, HASTENED
from agent.model.limits import AttributionLimits
from agent.model.reports import ConversionContent, Report, ReportKind
from agent.model.rng import Draw, SeededRng
from agent.model.settings import Settings
from agent.reporting.conversion_form import recorded_report
from agent.reporting.interop_form import in_order, leaves_at, sent_report, story_body
from agent.verbs.attribution import HISTORY, IMPRESSIONS, SITE_DATA
from agent.verbs.attribution_reporting import IGNORED

Json = dict[str, Any]
_CALLS = {"impression": "saveImpression", "conversion": "measureConversion"}
_ERROR_CLASSES = ("TypeError", "RangeError", "ReferenceError")
"""Exceptions of the API that are no DOMException."""
_REGISTRATIONS = (SOURCE_REGISTRATION, TRIGGER_REGISTRATION)
_CLEARING = "clearing"
_OTHERS = {
    "shared-storage": "of Shared Storage and its worklets",
    "private-aggregation": "of Private Aggregation",
    "protected-audience": "of Protected Audience and its auctions",
    "aggregation": "of the aggregation service",
}
"""What no story plays, by the beginning of its events' kinds."""
_LEFT = ("report.sent", "report.failed")
"""Kinds of events after which no report of higher priority takes a report's place."""
_PRIVATE_AGGREGATION = (ReportKind.PRIVATE_AGGREGATION, ReportKind.PRIVATE_AGGREGATION_DEBUG)


def story_document(
    events: Sequence[Event],
    reports: Sequence[Report],
    *,
    settings: Settings,
    enabled: bool,
    seed: int | None,
    version: str,
) -> Json:
    """The stories of a whole run, with what they leave out in ``recorded.notes``.

    ``events`` and ``reports`` are all that the profile has, ``settings`` and ``enabled`` the agent's, ``version`` its
    software's. A run without calls or registrations has no stories.
    """
    notes: list[str] = []
    stories = [
        story
        for story in (
            _attribution_story(events, reports, settings, notes, enabled=enabled),
            _reporting_story(events, reports, settings, notes) if enabled else None,
        )
        if story is not None
    ]
    recorded = {
        "version": version,
        "seed": seed,
        "began": format_instant(events[0].time) if events else None,
        "ended": format_instant(events[-1].time) if events else None,
        "notes": [*notes, *_not_played(events, reports)],
    }
    return {"recorded": recorded, "stories": stories}


# W3C Attribution.


def _attribution_story(
    events: Sequence[Event], reports: Sequence[Report], settings: Settings, notes: list[str], *, enabled: bool
) -> Json | None:
    made = {report.event_id: report for report in reports if isinstance(report.content, ConversionContent)}
    told: list[Json] = [] if enabled else [{"event": "disableAPI", "milliseconds": events[0].time if events else 1}]
    without: list[Event] = []
    for event in events:
        if event.kind in _CALLS:
            if "options" in event.data:
                call = _call(event, made.get(event.id))
                told.append(call | _other_limits(event.data, settings.limits))
            elif event.verdict in set(AttributionVerdict):  # what a page's script refused changed nothing
                without.append(event)
        elif event.kind == _CLEARING:
            told += _attribution_clearing(event)
    _note_old(without, "calls of W3C Attribution", notes)
    if not any(one["event"] in _CALLS.values() for one in told):
        return None
    drawn = [
        event.data["drawn"] for event in events if event.kind in ("conversion", _CLEARING) and "drawn" in event.data
    ]
    phases = list(chain.from_iterable(one.get(Draw.EPOCH_PHASE, ()) for one in drawn))
    fractions = list(chain.from_iterable(one.get(Draw.CREDIT_FRACTION, ()) for one in drawn))
    config = {
        "limits": asdict(settings.limits),
        "aggregationServices": {
            one.url: {
                "name": one.name,
                "apiVersion": one.api_version,
                "protocol": one.protocol,
                "maxHistogramSize": one.max_histogram_size,
            }
            for one in settings.aggregation_services
        },
        # The first conversion of a profile chooses its epochs: the others draw in vain.
        **({"epochStart": phases[0]} if phases else {}),
        **({"fairlyAllocateCreditFractions": fractions} if fractions else {}),
    }
    return {"id": "W3C Attribution, as recorded", "recorded": True, "config": config, "events": told}


def _call(event: Event, report: Report | None) -> Json:
    data = event.data
    call: Json = {"event": _CALLS[event.kind], "milliseconds": event.time, "dialect": data["dialect"]}
    call |= {"site": event.site, "options": data["options"]}
    if data["intermediarySite"] is not None:
        call["intermediarySite"] = data["intermediarySite"]
    call |= {name: False for name in ("allowed", "activated") if not data[name]}
    if report is not None and isinstance(report.content, ConversionContent):
        return call | {"expected": recorded_report(report, report.content, data["maxValue"])}
    if event.verdict in set(AttributionVerdict):  # an impression, or a conversion whose report was dropped
        return call
    name = event.verdict
    expected = name if name in _ERROR_CLASSES else {"error": "DOMException", "name": name}
    return call | {"expectedError" if event.kind == "impression" else "expected": expected}


def _attribution_clearing(event: Event) -> Iterator[Json]:
    what, sites = event.data.get("what"), event.data.get("sites")
    if what == IMPRESSIONS and sites:
        yield {"event": "clearImpressionsForSite", "milliseconds": event.time, "site": sites[0]}
    elif what in (SITE_DATA, HISTORY):
        cleared = {"sites": sites or [], "forgetVisits": what == HISTORY}
        yield {"event": "clearBrowsingHistoryForAttribution", "milliseconds": event.time, **cleared}


# Attribution Reporting.


def _reporting_story(
    events: Sequence[Event], reports: Sequence[Report], settings: Settings, notes: list[str]
) -> Json | None:
    told: list[Json] = []
    without: list[Event] = []
    decisions: set[int] = set()
    hastened = False
    for event in events:
        if event.kind in _REGISTRATIONS and event.verdict != IGNORED:
            if "asked" not in event.data:
                without.append(event)
                continue
            if altered := event.data["asked"].get("altered"):
                names = ", ".join(altered)
                notes.append(f"event {event.id} is not played: its {names} was too long to be kept, or is no UTF-8")
                continue
            decisions.add(event.id)
            told.append(
                _registration(event) | _other_limits(event.data["asked"], settings.attribution_reporting_limits)
            )
        elif event.kind == _CLEARING and event.data.get("what") in (SITE_DATA, HISTORY, "origin"):
            whom = {name: event.data[name] for name in ("sites", "origins") if event.data.get(name)}
            told.append({"timestamp": str(event.time), "clear": {"what": event.data["what"], **whom}})
        elif event.kind == DROPPED:
            told.append({"timestamp": str(event.time), "drop": event.data["report"]})
        elif event.kind == HASTENED:
            hastened = True
        elif event.kind in _LEFT and hastened:
            told.append({"timestamp": str(event.time), "send": event.data["report"]})
    _note_old(without, "registrations", notes)
    if not decisions:
        return None
    limits, rng = settings.attribution_reporting_limits, SeededRng(0)
    expected = [
        sent_report(report, story_body(report, limits, rng), leaves_at(report), with_ids=True)
        for report in reports
        if report.event_id in decisions
    ]
    return {
        "id": "Attribution Reporting, as recorded",
        "recorded": True,
        "api_config": {"limits": asdict(limits)},
        "input": {"registrations": told},
        "output": {"reports": in_order(expected)},
    }


def _registration(event: Event) -> Json:
    asked, drawn = event.data["asked"], event.data["drawn"]
    request: Json = {"context_origin": asked["context_origin"]}
    eligibility = Eligibility(asked["eligibility"])
    if eligibility is not Eligibility.UNSET:
        request["Attribution-Reporting-Eligible"] = ", ".join(eligibility.keys)
    if asked["fenced"]:
        request["fenced"] = True
    if asked["navigation"]:
        request["navigation"] = asked["navigation"]
    response: Json = {"url": asked["url"], "response": asked["fields"], **drawn}
    if asked["debug_permission"]:
        response["debug_permission"] = True
    return {"timestamp": str(event.time), "registration_request": request, "responses": [response]}


def _other_limits(asked: Mapping[str, Any], usual: AttributionLimits | AttributionReportingLimits) -> Json:
    """The limits of one event, where they were not the ``usual`` ones of the story."""
    changed: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in asked.get("limits", {}).items()
    }
    limits = type(usual)(**changed)
    return {} if limits == usual else {"limits": asdict(limits)}


# What is left out.


def _note_old(events: Iterable[Event], what: str, notes: list[str]) -> None:
    if numbers := [str(event.id) for event in events]:
        notes.append(
            f"{len(numbers)} {what} are not played: their events (first {numbers[0]}) do not say what was asked"
        )


def _not_played(events: Sequence[Event], reports: Sequence[Report]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for event in events:
        counts.update(beginning for beginning in _OTHERS if event.kind.startswith(beginning))
    for beginning, what in _OTHERS.items():
        if count := counts[beginning]:
            yield f"{count} event{'' if count == 1 else 's'} {what} not played: they need a browser, or a service"
    if count := sum(report.kind in _PRIVATE_AGGREGATION for report in reports):
        yield f"{count} report{'' if count == 1 else 's'} of Private Aggregation not made again"
