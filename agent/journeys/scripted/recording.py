"""What a person did and what the agent saw, as a journey: pure translation of a recorder's actions and of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from agent.journeys.scripted.selectors import locator_of
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.events import Event
from agent.model.explanation import CONVERSION, IMPRESSION
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.reports import Report, ReportState

HELD = 500
"""Milliseconds that Playwright's recorder holds a click or navigation before it tells of it."""
_SLACK = 150
_CLICKS = {"click", "check", "uncheck"}
_MODIFIERS = ((1, "Alt"), (2, "Control"), (4, "Meta"), (8, "Shift"))
_WITHIN = "30d"
"""The longest that an event-level report waits."""
_MANY = 10
"""Most expectations of one kind that are suggested after one action."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action as Playwright's recorder tells it."""

    told: int
    """When it was told, in milliseconds of real time."""
    data: Mapping[str, Any]
    at: int = 0
    """When it was done, or a little earlier."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, and when it was seen, in milliseconds of real time."""

    at: int
    event: Event


@dataclass(slots=True)
class Recording:
    """Actions in their order, and events in theirs."""

    actions: list[Action] = field(default_factory=list)
    events: list[Seen] = field(default_factory=list)

    def added(self, told: int, data: Mapping[str, Any]) -> None:
        """An action was told of."""
        held = data["name"] == "navigate" or (data["name"] == "click" and data.get("button", "left") == "left")
        before = self.actions[-1].at if self.actions else 0
        self.actions.append(Action(told, data, max(before, told - (HELD + _SLACK if held else 0))))

    def updated(self, told: int, data: Mapping[str, Any]) -> None:
        """The last action went on, as when a text is typed."""
        if self.actions:
            self.actions[-1] = replace(self.actions[-1], data=data)
        else:
            self.added(told, data)

    def happened(self, seen: Seen) -> None:
        """The agent decided something."""
        self.events.append(seen)


def as_comment(text: str) -> str:
    """What a journey has no words for, as a line that is not part of it."""
    return f"  # {text}"


def as_note(text: str) -> str:
    """The same as a step, so that it is there in what is made of the journey."""
    return _line("note", text)


def journey_text(
    name: str,
    agent: Mapping[str, Any],
    sites: Mapping[str, str],
    recording: Recording,
    pending: Sequence[Report],
    *,
    remark: Callable[[str], str] = as_comment,
) -> str:
    """The journey as YAML: actions, after each what was seen, and at the end the reports that are to come.

    ``remark``: the line that tells of an action that a journey has no words for.
    """
    steps = [*_steps(recording, remark), *_reports(pending)]
    lines = [f"name: {_flow(name)}"]
    if agent:
        lines.append(f"agent: {_flow(dict(agent))}")
    if sites:
        lines += ["sites:", *(f"  {host}: {_flow(target)}" for host, target in sites.items())]
    return "\n".join([*lines, "steps:", *steps]) + "\n"


def _steps(recording: Recording, remark: Callable[[str], str]) -> Iterator[str]:
    actions = list(_kept(recording.actions))
    ends = [action.at for action in actions[1:]]
    for action, end in zip(actions, [*ends, None], strict=True):
        yield _action(action.data) or remark(_unrecorded(action.data))
        yield from expectations(
            seen.event for seen in recording.events if action.at <= seen.at and (end is None or seen.at < end)
        )


def _kept(actions: Sequence[Action]) -> Iterator[Action]:
    """Without those that follow from others; what these began counts from there."""
    since: int | None = None
    for action, after in zip(actions, [*actions[1:], None], strict=True):
        if _follows(action, after):
            since = action.at if since is None else since
            continue
        yield action if since is None else replace(action, at=since)
        since = None


def _follows(action: Action, after: Action | None) -> bool:
    """Whether it only follows from something else: a click's navigation, a click into a field, an empty tab."""
    name = action.data["name"]
    if name == "closePage" or (name in {"openPage", "navigate"} and not _url(action.data).startswith("http")):
        return True
    if after is None:
        return False
    if name in {"navigate", "openPage"}:
        # Of a click that navigates the navigation is told first, just when the click comes, and the click HELD later.
        return str(after.data["name"]) in _CLICKS and after.told - action.told <= HELD + _SLACK
    return bool(name == "click" and after.data["name"] == "fill" and after.data["selector"] == action.data["selector"])


def _action(data: Mapping[str, Any]) -> str:
    """The step; empty for what a journey has no words for."""
    name = data["name"]
    if name in {"openPage", "navigate"}:
        return _line("open", _url(data))
    locator = locator_of(data.get("selector", ""))
    if locator is None or (name == "click" and (data.get("button", "left") != "left" or data.get("modifiers"))):
        return ""
    match name:
        case "click" | "check" | "uncheck":
            return _line("click", locator)
        case "fill":
            return _line("fill", {**locator, "value": data["text"]})
        case "press":
            held = [key for bit, key in _MODIFIERS if data.get("modifiers", 0) & bit]
            return _line("press", {"key": "+".join([*held, data["key"]]), "in": locator})
        case "select":
            return _line("select", {**locator, "option": (data["options"] or [""])[0]})
        case "assertText":
            return _line("expect", {"text": data["text"], "in": locator})
        case "assertVisible":
            return _line("wait_for", locator)
    return ""


def _unrecorded(data: Mapping[str, Any]) -> str:
    return f"not recorded, for a journey has no words for it: {data['name']} {_one_line(data.get('selector', ''))}"


def expectations(events: Iterable[Event]) -> Iterator[str]:
    """What may be expected, judged by what was seen: each once."""
    seen: dict[str, None] = {}
    for event in events:
        seen |= dict.fromkeys(_expectations(event))
    yield from list(seen)[:_MANY]


def _expectations(event: Event) -> Iterator[str]:
    data = event.data
    match event.kind:
        case kind if kind == SOURCE_REGISTRATION and event.verdict in {"source-success", "source-noised"}:
            destinations = data.get("destinations") or [None]
            members = {
                "type": data.get("source_type"),
                "destination": destinations[0],
                "reporting_origin": data.get("reporting_origin"),
            }
            yield _expect("source", members)
        case kind if kind == TRIGGER_REGISTRATION:
            yield _expect("trigger", {"verdict": event.verdict, "reporting_origin": data.get("reporting_origin")})
        case kind if kind == IMPRESSION and event.verdict == "stored":
            yield _expect("impression", {"site": event.site, "histogram_index": data.get("histogramIndex")})
        case kind if kind == CONVERSION:
            yield _expect("conversion", {"verdict": event.verdict, "site": event.site})
        case kind if kind == PRIVATE_AGGREGATION:
            for one in data.get("contributions", ()):
                yield _expect("contribution", {"bucket": one["bucket"], "value": one["value"]})


def _reports(pending: Sequence[Report]) -> Iterator[str]:
    """Reports that wait, each sort once, in the order in which they leave."""
    waiting = [report for report in pending if report.state is ReportState.PENDING and report.delivered_to]
    lines: dict[str, None] = {}
    for report in sorted(waiting, key=lambda one: one.next_attempt or 0):
        scheme, _, rest = (report.delivered_to or "").partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        members = {"report": {"kind": report.kind.value, "to": origin}, "within": _WITHIN}
        lines[_line("expect", members)] = None
    yield from lines


def _expect(subject: str, members: Mapping[str, Any]) -> str:
    return _line("expect", {subject: {name: value for name, value in members.items() if value not in (None, "")}})


def _line(word: str, argument: Any) -> str:
    return f"  - {word}: {_flow(argument)}"


def _flow(value: Any) -> str:
    """A value on one line of YAML; what could be taken for a variable of the journey is kept as it is."""
    text = yaml.safe_dump(
        _escaped(value), default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").rstrip("\n")


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _escaped(one) for key, one in value.items()}
    return value.replace("${", "$${") if isinstance(value, str) else value


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _url(data: Mapping[str, Any]) -> str:
    return str(data.get("url", ""))
