"""Why a batch's summary says nothing, or less than it should: the common mistakes that no single report shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import islice

from agent.engines.aggregation.explained_reports import counted, few
from agent.engines.aggregation.mistakes import Mistake
from agent.model.aggregation import ErrorCounter, JobParameters, Partial

BUCKET_BYTES = 16
_TRIED_BUCKETS = 5_000
"""How many buckets of the reports are looked at: enough to tell a reading from chance, however large the batch is."""
_SHOWN = 3


def valid_reports(partial: Partial) -> int:
    """How many reports count: neither left out nor dropped as duplicates."""
    return partial.reports - partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS] - partial.duplicates


def domain_mistake(domain: Collection[int], buckets: Collection[int]) -> Mistake | None:
    """What is wrong where ``domain`` has less than half of the reports' ``buckets``; None where nothing is.

    A way of writing buckets is named only where it explains more than twice as many of them as match as they are, and
    at least half; it is tried on the first few thousand. Both are looked up in, so give sets or mappings.
    """
    direct = sum(bucket in domain for bucket in buckets)
    if not buckets or not domain or 2 * direct >= min(len(buckets), len(domain)):
        return None
    tried = list(islice(buckets, _TRIED_BUCKETS))
    direct_tried = sum(bucket in domain for bucket in tried)
    what, pairs = max(
        ((what, _found(misread, tried, domain)) for what, misread in _READINGS), key=lambda reading: len(reading[1])
    )
    if len(pairs) > 2 * direct_tried and 2 * len(pairs) >= min(len(tried), len(domain)):
        bucket, key = pairs[0]
        return Mistake(
            f"the domain has {len(pairs):,} of the reports' {counted(len(tried), 'bucket')} {what}, and"
            f" {direct_tried:,} as they are: {hexadecimal(key)} where the reports have {both(bucket)}",
            f"write {hexadecimal(bucket)} into the domain, as 16 bytes big-endian, or change what the pages contribute",
        )
    if direct:
        return None
    return Mistake(
        f"the domain matches nothing: it has {_some(domain)}, the reports have {_some(tried)}",
        "a summary shows the domain's buckets alone, so this one is noise: make the domain from the buckets that pages"
        " contribute to, or list those with a debug run over debug reports",
    )


def mixed_debug(partial: Partial, parameters: JobParameters) -> Mistake | None:
    """Debug reports in a batch of production reports, or the other way round."""
    if parameters.debug_run:
        return _production_in_debug_run(partial)
    if not partial.debug_mode:
        return None
    apart = "aggregate what the debug endpoints collected apart from the rest, in debug runs"
    if partial.duplicates:
        return Mistake(
            f"debug and production reports are mixed: {partial.debug_mode:,} have debug_mode enabled and"
            f" {partial.duplicates:,} came twice, as a report does beside its copy from the debug endpoint",
            apart,
        )
    valid = valid_reports(partial)
    if partial.debug_mode == valid:
        return None
    return Mistake(
        f"{partial.debug_mode:,} of {valid:,} have debug_mode enabled: debug and production reports may be mixed, and"
        " copies share the budget of the reports that they copy",
        apart,
        certain=False,
    )


def _production_in_debug_run(partial: Partial) -> Mistake | None:
    missing = partial.errors[ErrorCounter.DEBUG_NOT_ENABLED]
    if not missing:
        return None
    which = "debug and production reports are mixed" if partial.debug_mode else "none of the reports is a debug report"
    return Mistake(
        f"{which}: a debug run counts reports whose shared_info has debug_mode enabled, and {missing:,} have not",
        "give it what the debug endpoints collected, or run without debug_run",
    )


def filtering_mistake(partial: Partial, parameters: JobParameters) -> Mistake | None:
    """Sums that are empty because no contribution has a filtering id that is queried."""
    if partial.sums or not partial.unqueried:
        return None
    queried = few(sorted(parameters.filtering_ids))
    return Mistake(
        f"no contribution has filtering id {queried}: {counted(partial.unqueried, 'contribution')} have others, such as"
        f" {partial.unqueried_id}",
        f"add filtering_ids={partial.unqueried_id} to the job's parameters; each id has a budget of its own",
    )


def two_coordinators(partial: Partial) -> Mistake | None:
    """A batch of which some reports open, and others are sealed to keys that are not there."""
    unknown = partial.errors[ErrorCounter.DECRYPTION_KEY_NOT_FOUND]
    if not unknown or not valid_reports(partial):
        return None
    return Mistake(
        f"{valid_reports(partial):,} reports are sealed to keys that are known here and {unknown:,} to others: those of"
        " two coordinators are in one batch, or some are of before the keys were changed",
        "batch by aggregation_coordinator_origin of the reports, and aggregate each batch with its coordinator's keys",
    )


def hexadecimal(bucket: int) -> str:
    """A bucket as it is written everywhere here: ``0x559``."""
    return f"{bucket:#x}"


def both(bucket: int) -> str:
    """A bucket in hex and, where it is short enough to be read, in decimal."""
    return f"{bucket:#x} ({bucket})" if bucket < 1 << 64 else f"{bucket:#x}"


def _some(buckets: Iterable[int]) -> str:
    first = list(islice(buckets, _SHOWN + 1))
    return ", ".join(map(both, sorted(first[:_SHOWN]))) + (", ..." if len(first) > _SHOWN else "")


def _found(
    misread: Callable[[int], int | None], tried: Iterable[int], domain: Collection[int]
) -> list[tuple[int, int]]:
    """Buckets that the domain has in the form ``misread`` and not as they are, each with that form."""
    pairs = ((bucket, misread(bucket)) for bucket in tried if bucket not in domain)
    return [(bucket, key) for bucket, key in pairs if key is not None and key in domain]


def _reversed(width: int) -> Callable[[int], int | None]:
    def misread(bucket: int) -> int | None:
        return int.from_bytes(bucket.to_bytes(width), "little") if bucket < 1 << 8 * width else None

    return misread


def _reversed_shortest(bucket: int) -> int | None:
    return int.from_bytes(_shortest(bucket), "little")


def _padded_behind(bucket: int) -> int | None:
    return int.from_bytes(_shortest(bucket).ljust(BUCKET_BYTES, b"\0"))


def _decimal_as_hex(bucket: int) -> int | None:
    return _within(int(str(bucket), 16))


def _hex_as_decimal(bucket: int) -> int | None:
    digits = f"{bucket:x}"
    return int(digits) if digits.isdecimal() else None


def _decimal_as_text(bucket: int) -> int | None:
    return _within(int.from_bytes(str(bucket).encode()))


def _hex_as_text(bucket: int) -> int | None:
    return _within(int.from_bytes(f"{bucket:x}".encode()))


def _shortest(bucket: int) -> bytes:
    return bucket.to_bytes((bucket.bit_length() + 7) // 8)


def _within(key: int) -> int | None:
    return key if key < 1 << 8 * BUCKET_BYTES else None


_READINGS: tuple[tuple[str, Callable[[int], int | None]], ...] = (
    ("with their 16 bytes in reverse order (little-endian)", _reversed(16)),
    ("with their bytes in reverse order (little-endian)", _reversed_shortest),
    ("with the 8 bytes of a number in reverse order (little-endian)", _reversed(8)),
    ("with the 4 bytes of a number in reverse order (little-endian)", _reversed(4)),
    ("when their decimal digits are read as hex", _decimal_as_hex),
    ("when their hex digits are read as decimal", _hex_as_decimal),
    ("with zeros behind instead of before them", _padded_behind),
    ("as the characters of their decimal digits", _decimal_as_text),
    ("as the characters of their hex digits", _hex_as_text),
)
"""Ways to write a bucket wrongly: what the domain then has in its place."""
