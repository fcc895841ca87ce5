"""What events say to a reader: the rows of the demo's timeline and of the strip on its sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlsplit

from agent.model.attribution import AttributionVerdict, Dialect
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION, SourceVerdict
from agent.model.events import Event
from agent.model.explanation import ATTEMPTS
from agent.model.private_aggregation import PRIVATE_AGGREGATION, BatchVerdict
from agent.model.reports import ReportKind
from agent.model.shared_storage import StorageEvent
from agent.reporting.model import API_NAMES, RowKind
from agent.verbs.trigger_registration import STORED
from sites import reach, story

_KINDS = {
    "impression": RowKind.IMPRESSION,
    SOURCE_REGISTRATION: RowKind.SOURCE,
    "conversion": RowKind.CONVERSION,
    TRIGGER_REGISTRATION: RowKind.TRIGGER,
    StorageEvent.SELECT_URL: RowKind.REACH,
    PRIVATE_AGGREGATION: RowKind.REACH,
}
"""Kinds of decisions in the order in which they are told: on one page they come in any order."""
_ADDED = {RowKind.SOURCE, RowKind.TRIGGER, RowKind.REACH}
_OUTCOMES: dict[str, str] = {
    AttributionVerdict.ATTRIBUTED: "purchase measured: an ad is credited",
    AttributionVerdict.NO_MATCHING_IMPRESSION: "purchase measured: no ad led here, the report holds zeros",
    AttributionVerdict.BUDGET_EXHAUSTED: "purchase measured: the week's budget is used up, the report holds zeros",
}
_COUNTED = {str(one.bucket): one.label for one in reach.counted()}
_CREATIVES = {
    f"{story.HOSTS[3].origin}/creative/{one.index}": f"poster shows “{one.headline}”" for one in story.POSTER.creatives
}
_WAYS = {SourceType.EVENT.value: "seen", SourceType.NAVIGATION.value: "clicked"}


class Told(NamedTuple):
    """One row before it has a time and a user."""

    kind: RowKind
    site: str
    text: str


def told(events: Iterable[Event]) -> list[Told]:
    """What a user's events say of decisions at one site.

    What both APIs of W3C Attribution do is one row without a name; what the other APIs do is added to it.
    """
    order = list(_KINDS)
    decisions = sorted((event for event in events if event.kind in _KINDS), key=lambda event: order.index(event.kind))
    rows: list[Told] = []
    for (kind, site, sentence), group in groupby(decisions, key=lambda e: (_KINDS[e.kind], e.site, _sentence(e))):
        text = f"{sentence}{_which(kind, list(group))}"
        if kind in _ADDED and rows and rows[-1].site == site:
            rows[-1] = rows[-1]._replace(text=f"{rows[-1].text}; {text}")
        else:
            rows.append(Told(kind, site, text))
    return rows


def deliveries(events: Iterable[Event]) -> list[Told]:
    """What events say of the reports that browsers send by themselves, a row for each host and result."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        if event.kind in ATTEMPTS and event.data["kind"] != ReportKind.ATTRIBUTION_CONVERSION:
            result = event.summary.partition(": ")[2]
            ending = result if event.verdict == "sent" else f"{event.verdict}, {result}"
            counts.setdefault((str(urlsplit(event.data["url"]).hostname), ending), Counter())[event.data["kind"]] += 1
    return [
        Told(RowKind.REPORT, host, f"{_counted(kinds)} → {host} {ending}") for (host, ending), kinds in counts.items()
    ]


def _counted(kinds: Counter[str]) -> str:
    """``event-level report``, ``2 event-level, 1 aggregatable reports``."""
    if kinds.total() == 1:
        return f"{next(iter(kinds))} report"
    return f"{', '.join(f'{kinds[kind]} {kind}' for kind in ReportKind if kinds[kind])} reports"


def _which(kind: RowKind, same: Sequence[Event]) -> str:
    """Which APIs, or which ways to an ad, a sentence is about, in brackets; empty where it is about all there are."""
    match kind:
        case RowKind.IMPRESSION | RowKind.CONVERSION:
            names = [API_NAMES[Dialect(event.data["dialect"])] for event in same]
            return "" if len(names) == len(Dialect) else f" ({names[0]})"
        case RowKind.SOURCE:
            ways = [_WAYS[event.data["source_type"]] for event in same if "source_type" in event.data]
            return f" ({', '.join(ways)})" if ways else ""
        case _:
            return ""


def _sentence(event: Event) -> str:
    if event.kind == SOURCE_REGISTRATION:
        stored = event.verdict in {SourceVerdict.SUCCESS, SourceVerdict.NOISED}
        return "source registered" if stored else f"source refused, {event.verdict}"
    if event.kind == TRIGGER_REGISTRATION:
        return _trigger_sentence(event)
    if event.kind == StorageEvent.SELECT_URL:
        return _CREATIVES.get(str(event.data.get("url")), event.summary)
    if event.kind == PRIVATE_AGGREGATION:
        return _reach_sentence(event)
    if event.kind == "impression" and event.verdict == AttributionVerdict.STORED:
        return _impression_sentence(event)
    return _OUTCOMES.get(event.verdict, event.summary)


def _impression_sentence(event: Event) -> str:
    index = event.data["histogramIndex"]
    # Other pages than the demo's have other indices.
    return f"ad noted: {story.CAMPAIGNS[index].label}, for shop.test" if index < len(story.CAMPAIGNS) else event.summary


def _reach_sentence(event: Event) -> str:
    labels = [_COUNTED.get(one["bucket"], f"bucket {one['bucket']}") for one in event.data["contributions"]]
    if event.verdict == BatchVerdict.REPORT_SCHEDULED:
        return f"counted for {' and '.join(labels)}"
    return f"not counted, {event.verdict}"


def _trigger_sentence(event: Event) -> str:
    if "event_level" not in event.data:
        return f"trigger refused, {event.verdict}"
    endings = {"event-level": event.data["event_level"], "aggregatable": event.data["aggregatable"]}
    refused = [str(ending) for ending in endings.values() if ending != STORED]
    if not refused:
        return "trigger attributed"
    if len(refused) == len(endings):
        return f"trigger not attributed, {refused[0]}"
    (kind,) = (kind for kind, ending in endings.items() if ending == STORED)
    return f"trigger attributed, {kind} alone ({refused[0]})"
