"""The events of Shared Storage: what was written or not, by whom, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from agent.engines.shared_storage.modifiers import OPERATIONS, Decision
from agent.engines.shared_storage.select_url import Selection
from agent.engines.shared_storage.write_header import EXAMPLE, WriteHeader
from agent.model.events import Check, Event, Trace
from agent.model.shared_storage import (
    AppendMethod,
    ClearMethod,
    ModifierMethod,
    SetMethod,
    StorageEvent,
    StorageVerdict,
    Writer,
    storage_bytes,
)

TOLD: Final = 20
"""How many methods, members or origins an event tells; the rest is counted."""
CHARGED: Final = "charged"
RESET: Final = "reset"
EXPIRED: Final = "expired"
_SHOWN_KEY: Final = 64
_SHOWN_URL: Final = 1024


def write_event(writer: Writer, decision: Decision, *, batch: bool, now: int, before: Sequence[Check] = ()) -> Event:
    """The event of a write; ``before`` are checks that came first."""
    if batch:
        return _batch_event(writer, decision, now=now, before=before)
    (step,) = decision.steps
    return Event(
        kind=StorageEvent(f"shared-storage.{OPERATIONS[type(step.method)]}"),
        time=now,
        verdict=step.verdict,
        summary=f"{_named(step.method)} of {writer.origin} by {writer.by}: {step.verdict}",
        site=writer.site,
        data={**_who(writer), **_told(step.method), "bytes_used": decision.bytes_used},
        trace=Trace((*before, step.check)),
    )


def _batch_event(writer: Writer, decision: Decision, *, now: int, before: Sequence[Check]) -> Event:
    steps = decision.steps
    told = steps if len(steps) <= TOLD else (*steps[: TOLD - 1], steps[-1])
    how = f"methods: {len(steps)}" if decision.failure is None else f"method {len(steps)} fails, so none is applied"
    checks = (
        Check(_named(one.method), one.check.passed, f"{one.verdict}: {one.check.detail}", one.check.fix) for one in told
    )
    return Event(
        kind=StorageEvent.BATCH_UPDATE,
        time=now,
        verdict=decision.verdict,
        summary=f"batch update of {writer.origin} by {writer.by}: {decision.verdict}, {how}",
        site=writer.site,
        data={
            **_who(writer),
            "methods": [
                {"method": OPERATIONS[type(one.method)], **_told(one.method), "verdict": one.verdict} for one in told
            ],
            "count": len(steps),
            "bytes_used": decision.bytes_used,
        },
        trace=Trace((*before, *checks)),
    )


def refusal(writer: Writer, kind: StorageEvent, verdict: str, checks: Iterable[Check], *, now: int) -> Event:
    """The event of a call that came to nothing before anything was written; the last check says why."""
    trace = Trace(tuple(checks))
    noun = kind.removeprefix("shared-storage.").replace("-", " ")
    return Event(
        kind=kind,
        time=now,
        verdict=verdict,
        summary=f"{noun} of {writer.origin} by {writer.by} {verdict}: {trace.checks[-1].detail}",
        site=writer.site,
        data=_who(writer),
        trace=trace,
    )


def dropped_checks(header: WriteHeader) -> tuple[Check, ...]:
    """The members of a response's field that come to nothing; they stop no other, so their checks pass."""
    checks = [Check(f"member {one.position}", True, f"left out: {one.reason}") for one in header.dropped[:TOLD]]
    if len(header.dropped) > TOLD:
        checks.append(Check("members", True, f"{len(header.dropped) - TOLD} more left out"))
    return tuple(checks)


def ignored_header(writer: Writer, header: WriteHeader, *, now: int) -> Event:
    """The event of a response's field that changes nothing."""
    detail = header.problem or "no member is a method that can be applied"
    check = Check("Shared-Storage-Write", False, detail, header.fix or EXAMPLE)
    checks = (*dropped_checks(header), check)
    return refusal(writer, StorageEvent.BATCH_UPDATE, StorageVerdict.IGNORED, checks, now=now)


def selection_event(origin: str, selection: Selection, urls: Sequence[str], *, site: str, now: int) -> Event:
    """The event of a call of selectURL whose operation has ended."""
    return Event(
        kind=StorageEvent.SELECT_URL,
        time=now,
        verdict=selection.verdict,
        summary=f"selectURL of {origin} shows URL {selection.index} of {len(urls)}: {selection.verdict}",
        site=site,
        data={
            "origin": origin,
            "index": selection.index,
            "url": _cut(urls[selection.index], _SHOWN_URL),
            "urls": len(urls),
            "page_cost": selection.page_cost,
        },
        trace=selection.trace,
    )


def navigation_event(owner: str, bits: float, left: float, *, site: str, now: int) -> Event:
    """The event of a selected URL's frame that navigated the tab; ``owner`` is the site that pays."""
    paid = f"{bits:g} bits, {left:g} left"
    return Event(
        kind=StorageEvent.NAVIGATION,
        time=now,
        verdict=CHARGED,
        summary=f"{owner} pays for a navigation out of a selected URL: {paid}",
        site=site,
        data={"data_site": owner, "bits": bits, "remaining_budget": left},
        trace=Trace((Check("navigation budget of the site", True, paid),)),
    )


def reset_event(owner: str, *, now: int) -> Event:
    """The event of a navigation budget that was made whole again."""
    return Event(
        StorageEvent.RESET_BUDGET, now, RESET, f"selectURL's budget of {owner} reset", data={"data_site": owner}
    )


def expiry_event(gone: Mapping[str, int], *, now: int) -> Event:
    """The event of expired entries that were removed: how many of which origin."""
    count = sum(gone.values())
    told = dict(islice(gone.items(), TOLD))
    return Event(
        kind="expiry",
        time=now,
        verdict=EXPIRED,
        summary=f"{count} entr{'y' if count == 1 else 'ies'} of Shared Storage expired",
        data={"shared_storage": told, "count": count},
        trace=Trace(tuple(Check(f"entries of {origin}", True, f"{lost} expired") for origin, lost in told.items())),
    )


def _who(writer: Writer) -> Mapping[str, Any]:
    who: dict[str, Any] = {"origin": writer.origin, "by": writer.by}
    return who if writer.http is None else {**who, "url": writer.http["url"], "http": writer.http}


def _told(method: ModifierMethod) -> Mapping[str, Any]:
    """What an event says of a method: its key, cut, and how many code units key and value have."""
    if isinstance(method, ClearMethod):
        return {}
    told: dict[str, Any] = {"key": _cut(method.key, _SHOWN_KEY), "key_length": storage_bytes(method.key) // 2}
    if isinstance(method, SetMethod | AppendMethod):
        told["value_length"] = storage_bytes(method.value) // 2
    return told


def _named(method: ModifierMethod) -> str:
    operation = OPERATIONS[type(method)]
    return operation if isinstance(method, ClearMethod) else f'{operation} "{_cut(method.key, _SHOWN_KEY)}"'


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
