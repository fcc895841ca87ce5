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
from agent.model.reports import ReportKind
from agent.reporting.model import API_NAMES, RowKind
from agent.verbs.trigger_registration import STORED
from sites import story

_KINDS = {
    "impression": RowKind.IMPRESSION,
    SOURCE_REGISTRATION: RowKind.SOURCE,
    "conversion": RowKind.CONVERSION,
    TRIGGER_REGISTRATION: RowKind.TRIGGER,
}
"""Kinds of decisions in the order in which they are told: on one page they come in any order."""
_OUTCOMES: dict[str, str] = {
    AttributionVerdict.ATTRIBUTED: "purchase measured: an ad is credited",
    AttributionVerdict.NO_MATCHING_IMPRESSION: "purchase measured: no ad led here, the report holds zeros",
    AttributionVerdict.BUDGET_EXHAUSTED: "purchase measured: the week's budget is used up, the report holds zeros",
}
_WAYS = {SourceType.EVENT.value: "seen", SourceType.NAVIGATION.value: "clicked"}


class Told(NamedTuple):
    """One row before it has a time and a user."""

    kind: RowKind
    site: str
    text: str


def told(events: Sequence[Event]) -> list[Told]:
    """What a user's events say: one row for each site, and then what was sent."""
    order = list(_KINDS)
    decisions = sorted((event for event in events if event.kind in _KINDS), key=lambda event: order.index(event.kind))
    rows = []
    for site, of_site in groupby(decisions, key=lambda event: event.site):
        sentences = list(_sentences(list(of_site)))
        rows.append(Told(sentences[0][0], site, "; ".join(text for _, text in sentences)))
    return rows + deliveries(events)


def deliveries(events: Iterable[Event]) -> list[Told]:
    """What events say of reports on their way, a row for each host and result."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        if event.kind.startswith("report.") and event.data["kind"] != ReportKind.ATTRIBUTION_CONVERSION:
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


def _sentences(decisions: Sequence[Event]) -> Iterable[tuple[RowKind, str]]:
    """What happened at one site. What both APIs of W3C Attribution do is one sentence without a name."""
    for (kind, sentence), group in groupby(decisions, key=lambda event: (event.kind, _sentence(event))):
        same = list(group)
        match _KINDS[kind]:
            case RowKind.IMPRESSION | RowKind.CONVERSION as row:
                apis = [API_NAMES[Dialect(event.data["dialect"])] for event in same]
                yield row, sentence if len(apis) == len(Dialect) else f"{sentence} ({apis[0]})"
            case RowKind.SOURCE:
                ways = [_WAYS[event.data["source_type"]] for event in same if "source_type" in event.data]
                yield RowKind.SOURCE, f"{sentence} ({', '.join(ways)})" if ways else sentence
            case row:
                yield row, sentence


def _sentence(event: Event) -> str:
    if event.kind == SOURCE_REGISTRATION:
        stored = event.verdict in {SourceVerdict.SUCCESS, SourceVerdict.NOISED}
        return "source registered" if stored else f"source refused, {event.verdict}"
    if event.kind == TRIGGER_REGISTRATION:
        return _trigger_sentence(event)
    if event.kind == "impression" and event.verdict == AttributionVerdict.STORED:
        return f"ad noted: {story.CAMPAIGNS[event.data['histogramIndex']].label}, for shop.test"
    return _OUTCOMES.get(event.verdict, event.summary)


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
