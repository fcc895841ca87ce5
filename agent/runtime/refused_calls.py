"""The events of pages' calls that came to nothing before anything was begun for them."""

from __future__ import annotations

from agent.browser.documents import Document
from agent.browser.host_channel import PageCall
from agent.engines.shared_storage.explanation import refusal
from agent.model.events import Check, Event, Trace
from agent.model.shared_storage import StorageEvent, Writer, WrittenBy
from agent.runtime.shared_storage_calls import shown

TOO_MUCH = "too-much-under-way"
"""The verdict on what exceeds the bounds of a page."""
TOO_MUCH_TEXT = "The page has too many shared storage calls under way."
_KINDS = {"createWorklet": StorageEvent.ADD_MODULE, "run": StorageEvent.RUN}


def refused_event(call: PageCall, now: int) -> Event:
    """That the page's own script refused ``call``."""
    assert call.refused is not None
    site, method = call.caller.document.top_level_site, shown(call.method)
    check = Check("arguments", False, call.refused.message, "the page sees this exception; correct the call")
    summary = f"sharedStorage.{method}() on {site} refused: {call.refused.message}"
    data = {"origin": call.caller.origin, "method": method}
    return Event("shared-storage", now, call.refused.name, summary, site, data, Trace((check,)))


def dropped_event(call: PageCall, exceeded: Check, now: int) -> Event:
    """That ``call`` was dropped, for its page has too much under way."""
    kind = _KINDS.get(call.method, StorageEvent.SELECT_URL)
    if call.method == "update":
        options = call.options
        kind = StorageEvent.BATCH_UPDATE
        if not options["batch"]:
            kind = StorageEvent(f"shared-storage.{options['methods'][0]['op']}")
    return without_effect(call, kind, TOO_MUCH, exceeded, now)


def more_dropped_event(document: Document, count: int, now: int) -> Event:
    """That ``count`` more were dropped before there was room again."""
    detail = f"{count} more call{'s' * (count > 1)} came before there was room"
    check = Check("calls under way", False, detail, "see the event of the first one")
    summary = (
        f"Shared Storage of a page on {document.top_level_site}: {detail}, and {'were' if count > 1 else 'was'} dropped"
    )
    data = {"origin": document.origin, "count": count}
    return Event("shared-storage", now, TOO_MUCH, summary, document.top_level_site, data, Trace((check,)))


def without_effect(call: PageCall, kind: StorageEvent, verdict: str, check: Check, now: int) -> Event:
    """That ``call`` came to nothing, and why."""
    writer = Writer(call.caller.origin, WrittenBy.PAGE, call.caller.document.top_level_site)
    return refusal(writer, kind, verdict, (check,), now=now)
