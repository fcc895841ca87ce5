"""The events of worklets and their operations."""

from __future__ import annotations

from agent.model.events import Check, Event, Trace
from agent.model.shared_storage import StorageEvent
from agent.model.worklets import OperationResult
from agent.runtime.running_operation import RunningOperation
from agent.runtime.shared_storage_calls import shown
from agent.runtime.worklet_surroundings import WorkletFacts

LOADED, FAILED, FINISHED, DIED, ENDED = "loaded", "failed", "finished", "died", "ended"


def module_event(facts: WorkletFacts, failure: str | None, now: int) -> Event:
    """That a worklet's module script was evaluated, or why not."""
    verdict = LOADED if failure is None else FAILED
    checks = () if failure is None else (Check("module script", False, shown(failure), "the page's promise rejects"),)
    summary = f"worklet of {facts.data_origin} by {shown(facts.url)} {verdict}"
    return Event(
        StorageEvent.ADD_MODULE, now, verdict, summary, facts.document.top_level_site, _data(facts), Trace(checks)
    )


def ended_event(facts: WorkletFacts, reason: str, now: int) -> Event:
    """That a worklet was ended from outside."""
    check = Check("worklet", False, reason, "make its operations shorter, and let them hold less")
    summary = f"worklet of {facts.data_origin} by {shown(facts.url)} ended: {reason}"
    site = facts.document.top_level_site
    return Event(StorageEvent.ADD_MODULE, now, ENDED, summary, site, _data(facts), Trace((check,)))


def operation_event(facts: WorkletFacts, operation: RunningOperation, result: OperationResult, now: int) -> Event:
    """How an operation ended."""
    verdict = DIED if result.died else FINISHED if result.failure is None else FAILED
    checks: tuple[Check, ...] = (Check("operation", True),)
    if result.died:
        fix = "see why the worklet ended: its page was left, or the event before this one"
        checks = (Check("operation", False, "its worklet ended first", fix),)
    elif result.failure is not None:
        checks = (Check("operation", False, shown(result.failure.message), "the console of the page shows it"),)
    checks = (*checks, *dropped_contributions(operation))
    name = shown(operation.call.name)
    data = {**_data(facts), "name": name, "config": _config(operation), "started": operation.started}
    if operation.batch_event is not None:
        data["batch"] = operation.batch_event
    summary = f"operation {name!r} of {facts.data_origin} {verdict}"
    return Event(StorageEvent.RUN, now, verdict, summary, facts.document.top_level_site, data, Trace(checks))


def dropped_contributions(operation: RunningOperation) -> tuple[Check, ...]:
    """What its code said of its report that came to nothing before that was decided."""
    checks: list[Check] = []
    if count := operation.too_late:
        detail = f"{count} contribution{'s' * (count > 1)} came after its time limit, when its report was complete"
        checks.append(Check("time limit", False, detail, "contribute sooner, or ask for no report in any case"))
    if operation.debug_too_late:
        detail = "debug mode was enabled after its time limit, when its report was complete"
        checks.append(Check("time limit", False, detail, "enable it before anything that takes time"))
    if count := operation.too_many:
        detail = f"{count} contribution{'s' * (count > 1)} came where as many waited for their event as may"
        checks.append(Check("waiting contributions", False, detail, "contribute on an event once, not in a loop"))
    return tuple(checks)


def code_failed(failure: str) -> Check:
    """That code of selectURL's operation failed, which shows a URL nevertheless."""
    return Check("code of the operation", True, shown(failure))


def late_contribution_event(facts: WorkletFacts, now: int, *, crashes: bool) -> Event:
    """That code contributed after the end of its operation."""
    detail = "no operation is under way that the contribution could belong to"
    fix = "await everything that an operation begins before it ends"
    verdict = "crashed" if crashes else "late-contribution"
    summary = (
        f"contribution of a worklet of {facts.data_origin} {'crashes its page' if crashes else 'ignored'}: {detail}"
    )
    trace = Trace((Check("operation under way", False, detail, fix),))
    return Event(StorageEvent.RUN, now, verdict, summary, facts.document.top_level_site, _data(facts), trace)


def _data(facts: WorkletFacts) -> dict[str, object]:
    return {"origin": facts.data_origin, "module": shown(facts.url), "page": facts.document.origin}


def _config(operation: RunningOperation) -> dict[str, object]:
    config = operation.call.config
    return {
        "context_id": config.context_id,
        "filtering_id_max_bytes": config.filtering_id_max_bytes,
        "coordinator": config.coordinator,
        "max_contributions": config.max_contributions,
    }
