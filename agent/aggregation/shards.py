"""The unit of work of a job: one shard of reports becomes a Partial, and Partials add up.

``process_shard`` depends on its arguments and its file alone and ``merge`` is a monoid, so that any engine may run them
in any order, on any machine. What they cannot see is that a report stands in two shards: :mod:`agent.aggregation.pool`
finds such reports by their ids, and lets the later shard be processed with the ids that are ``taken``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from agent.aggregation.avro import Record
from agent.aggregation.left_out import first_of_each_counter, refused, unopened, unparsed, unreadable_info
from agent.aggregation.report_files import Shard, read_records
from agent.crypto.aggregatable_payload import contributions_of, open_as_service
from agent.engines.aggregation.budget_units import budget_units, unit_document
from agent.engines.aggregation.explained_units import NAMED_UNITS, unit_text
from agent.engines.aggregation.mistakes import Mistake
from agent.engines.aggregation.report_checks import is_too_new, report_errors
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import BudgetUnit, ErrorCounter, JobParameters, LeftOut, Partial, SharedInfo
from agent.model.conversion_report import ReportRefusal

ID_BYTES = 16
"""Of a report id, which is a UUID."""
_KEPT_CHARACTERS = 200
"""Of what a report that is left out says of itself."""


@dataclass(frozen=True, slots=True)
class ShardTask:
    """What is to be done with each shard of a job."""

    parameters: JobParameters
    now: int
    private_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """32 bytes of X25519 for each key id."""
    clear_text: bool = False
    """Payloads are plaintexts, and the checks are those of the local testing tool."""
    taken: frozenset[bytes] = frozenset()
    """Report ids, of 16 bytes, that an earlier shard counts."""


def process_shard(shard: Shard, task: ShardTask) -> Partial:
    """What the reports of a shard come to (section 5). Raises InputUnreadableError, and nothing for any report."""
    return process_with_ids(shard, task)[0]


def process_with_ids(shard: Shard, task: ShardTask) -> tuple[Partial, set[bytes]]:
    """What :func:`process_shard` gives, and the ids of the reports that count."""
    partial, ids = Partial(), set[bytes]()
    for record in read_records(shard, clear_text=task.clear_text):
        partial.reports += 1
        outcome = _outcome_of(record, task)
        if isinstance(outcome, _Refused):
            _leave_out(partial, record, outcome)
        elif outcome.report_id in ids or outcome.report_id in task.taken:
            partial.duplicates += 1
        else:
            ids.add(outcome.report_id)
            _count(partial, outcome, task.parameters)
    return partial, ids


def merge(one: Partial, other: Partial) -> Partial:
    """What the reports of both come to, those of ``one`` first; ``Partial()`` changes nothing."""
    return merge_all((one, other))


def merge_all(partials: Iterable[Partial]) -> Partial:
    """What :func:`merge` gives for any number of them, in their order."""
    total = Partial()
    for partial in partials:
        total.reports += partial.reports
        total.errors.update(partial.errors)
        total.left_out = first_of_each_counter([*total.left_out, *partial.left_out])
        total.duplicates += partial.duplicates
        total.debug_mode += partial.debug_mode
        _add(total.sums, partial.sums)
        _add(total.units, partial.units)
        new = [unit for unit in partial.made_of if unit not in total.made_of]
        total.made_of.update((unit, partial.made_of[unit]) for unit in new[: NAMED_UNITS - len(total.made_of)])
        total.unqueried += partial.unqueried
        total.unqueried_id = min(
            (one for one in (total.unqueried_id, partial.unqueried_id) if one is not None), default=None
        )
        total.unsupported_version = total.unsupported_version or partial.unsupported_version
    return total


def exhausted_documents(
    shards: Sequence[Shard], task: ShardTask, units: Collection[BudgetUnit]
) -> list[dict[str, Any]]:
    """The entries of the budget-exhausted dump (section 2.5): of the reports that spend one of ``units``, once each."""
    documents: dict[str, dict[str, Any]] = {}
    for shard in shards:
        for record in read_records(shard, clear_text=task.clear_text):
            outcome = _outcome_of(record, task)
            if isinstance(outcome, _Refused):
                continue
            for filtering_id, unit in zip(sorted(task.parameters.filtering_ids), outcome.units, strict=True):
                if unit in units:
                    document = unit_document(outcome.info, filtering_id)
                    documents.setdefault(repr(document), document)
    return list(documents.values())


class _Counted(NamedTuple):
    """A report that passed every check."""

    info: SharedInfo
    report_id: bytes
    units: tuple[BudgetUnit, ...]
    """One for each queried filtering id, in their order."""
    contributions: list[tuple[int, int, int]]
    """Bucket, value and filtering id."""


class _Refused(NamedTuple):
    """A report that is left out."""

    errors: tuple[ErrorCounter, ...]
    tell: Callable[[], tuple[str, Mistake | None]]
    """Works out the detail and the common mistake, which is dear and needed for the first few alone."""
    info: SharedInfo | None = None
    too_new: bool = False


def _outcome_of(record: Record, task: ShardTask) -> _Counted | _Refused:
    """What becomes of one report: what is wrong with it first, in the service's order (section 5)."""
    try:
        return _judge(record, task)
    except Exception as error:  # noqa: BLE001 - one report that nobody foresaw must not end the job of all others
        reason = _unforeseen(error)
        return _Refused((ErrorCounter.INTERNAL_ERROR,), lambda: (reason, None))


def _judge(record: Record, task: ShardTask) -> _Counted | _Refused:
    info = parse_shared_info(record.shared_info)
    if info is None:
        return _Refused((ErrorCounter.DECRYPTION_ERROR,), lambda: unreadable_info(record))
    plaintext: bytes | None = record.payload
    if not task.clear_text:
        key = task.private_keys.get(record.key_id)
        plaintext = None if key is None else open_as_service(record.payload, record.shared_info, key)
        if plaintext is None:
            error = ErrorCounter.DECRYPTION_KEY_NOT_FOUND if key is None else ErrorCounter.DECRYPTION_ERROR
            return _Refused((error,), lambda: unopened(record, task.private_keys), info)
    assert plaintext is not None
    content = contributions_of(plaintext)
    if isinstance(content, ReportRefusal):
        told = content.detail
        return _Refused(
            (ErrorCounter.REPORT_PARSING_ERROR,),
            lambda: unparsed(plaintext, told, clear_text=task.clear_text),
            info,
        )
    operation, contributions = content
    errors = report_errors(info, operation, task.parameters, now=task.now, clear_text=task.clear_text)
    if errors:
        return _Refused(errors, lambda: refused(errors, info, operation, task.parameters), info, is_too_new(info))
    assert info.report_id is not None
    report_id = bytes.fromhex(info.report_id.replace("-", ""))
    return _Counted(info, report_id, budget_units(info, task.parameters.filtering_ids), contributions)


def _leave_out(partial: Partial, record: Record, outcome: _Refused) -> None:
    partial.errors.update(outcome.errors)
    partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS] += 1
    info = outcome.info
    if outcome.too_new and info is not None:
        partial.unsupported_version = partial.unsupported_version or info.version[:_KEPT_CHARACTERS]
    told = LeftOut(
        record.where,
        report_id=None if info is None or info.report_id is None else info.report_id[:_KEPT_CHARACTERS],
        errors=outcome.errors,
        detail="",
        reporting_origin=None if info is None else info.reporting_origin[:_KEPT_CHARACTERS],
    )
    if len(first_of_each_counter([*partial.left_out, told])) > len(partial.left_out):
        detail, mistake = _told(outcome)
        partial.left_out.append(replace(told, detail=detail, mistake=str(mistake or "")))


def _told(outcome: _Refused) -> tuple[str, Mistake | None]:
    try:
        return outcome.tell()
    except Exception as error:  # noqa: BLE001 - the report is left out already; what failed is only telling why
        return _unforeseen(error), None


def _unforeseen(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_KEPT_CHARACTERS]


def _count(partial: Partial, report: _Counted, parameters: JobParameters) -> None:
    queried, sums, units = parameters.filtering_ids, partial.sums, partial.units
    for position, unit in enumerate(report.units):
        if unit not in units and len(partial.made_of) < NAMED_UNITS:
            partial.made_of[unit] = unit_text(report.info, sorted(queried)[position])
        units[unit] = units.get(unit, 0) + 1
    if report.info.debug_mode == "enabled":
        partial.debug_mode += 1
    for bucket, value, filtering_id in report.contributions:
        if filtering_id in queried:
            sums[bucket] = sums.get(bucket, 0) + value
        else:
            partial.unqueried += 1
            if partial.unqueried_id is None or filtering_id < partial.unqueried_id:
                partial.unqueried_id = filtering_id


def _add(total: dict[Any, int], other: Mapping[Any, int]) -> None:
    for key, number in other.items():
        total[key] = total.get(key, 0) + number
