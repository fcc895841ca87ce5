from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.batch_mistakes import (
    domain_mistake,
    filtering_mistake,
    mixed_debug,
    two_coordinators,
    valid_reports,
)
from agent.engines.aggregation.mistakes import Mistake
from agent.model.aggregation import ErrorCounter, JobParameters, Partial

BUCKETS = (0x559, 0x1234, 0x900, 0x4321, 0x77AB)
PRODUCTION = JobParameters(attribution_report_to="https://adtech.test")
DEBUG = JobParameters(attribution_report_to="https://adtech.test", debug_run=True)
WRONG = ErrorCounter.NUM_REPORTS_WITH_ERRORS


def what(mistake: Mistake | None) -> str:
    assert mistake is not None
    assert mistake.fix, "a mistake that is named has a way out"
    return mistake.what


def of(*keys: int) -> frozenset[int]:
    return frozenset(keys)


def test_sixteen_bytes_in_reverse_order_are_named_with_an_example() -> None:
    domain = of(*(int.from_bytes(bucket.to_bytes(16, "little"), "big") for bucket in BUCKETS))
    said = what(domain_mistake(domain, BUCKETS))
    assert said == (
        "the domain has 5 of the reports' 5 buckets with their 16 bytes in reverse order (little-endian), and 0 as they"
        " are: 0x59050000000000000000000000000000 where the reports have 0x559 (1369)"
    )


@pytest.mark.parametrize(("width", "said"), [(2, "bytes in reverse"), (4, "4 bytes"), (8, "8 bytes")])
def test_shorter_numbers_in_reverse_order_are_named(width: int, said: str) -> None:
    domain = of(*(int.from_bytes(bucket.to_bytes(width, "little"), "big") for bucket in BUCKETS))
    assert said in what(domain_mistake(domain, BUCKETS))


def test_the_reports_may_be_the_ones_in_reverse_order() -> None:
    reversed_buckets = [int.from_bytes(bucket.to_bytes(16, "little"), "big") for bucket in BUCKETS]
    assert "16 bytes in reverse order" in what(domain_mistake(of(*BUCKETS), reversed_buckets))


def test_decimal_read_as_hex_is_named() -> None:
    domain = of(*(int(str(bucket), 16) for bucket in BUCKETS))
    said = what(domain_mistake(domain, BUCKETS))
    assert "5 of the reports' 5 buckets when their decimal digits are read as hex" in said
    assert "0x1369 where the reports have 0x559 (1369)" in said


def test_hex_read_as_decimal_is_named() -> None:
    digits = [bucket for bucket in BUCKETS if f"{bucket:x}".isdecimal()]
    said = what(domain_mistake(of(*(int(f"{bucket:x}") for bucket in digits)), digits))
    assert "when their hex digits are read as decimal" in said
    assert "0x22f where the reports have 0x559 (1369)" in said


def test_keys_filled_up_on_the_wrong_side_are_named() -> None:
    domain = of(0x559 << 112, 0x1234 << 112)
    assert "with zeros behind instead of before them" in what(domain_mistake(domain, (0x559, 0x1234)))


@pytest.mark.parametrize(("form", "said"), [("d", "decimal digits"), ("x", "hex digits")])
def test_digits_written_as_characters_are_named(form: str, said: str) -> None:
    domain = of(*(int.from_bytes(format(bucket, form).encode()) for bucket in BUCKETS))
    assert f"as the characters of their {said}" in what(domain_mistake(domain, BUCKETS))


def test_a_domain_that_matches_nothing_is_named_with_examples_of_both() -> None:
    said = what(domain_mistake(of(5, 6), (1 << 100, 0x559)))
    assert said == (
        "the domain matches nothing: it has 0x5 (5), 0x6 (6),"
        " the reports have 0x559 (1369), 0x10000000000000000000000000"
    )


def test_a_domain_that_has_half_of_the_buckets_is_not_doubted() -> None:
    assert domain_mistake(of(1, 2, 0x10, 0x20), (1, 2, 16, 32)) is None
    assert domain_mistake(of(1, 2, 3, 4), (1, 2, 300, 400)) is None


def test_a_domain_that_is_a_choice_of_the_buckets_is_not_doubted() -> None:
    assert domain_mistake(of(7), range(1000)) is None
    assert domain_mistake(of(99_999), range(100_000)) is None
    assert domain_mistake(frozenset(range(1000)), (7,)) is None


def test_a_reading_that_explains_little_is_not_named() -> None:
    domain, buckets = of(*range(1000, 1100), 0x10), (10, *range(5000, 5100))
    assert what(domain_mistake(domain, buckets)).startswith("the domain matches nothing")


def test_a_domain_that_matches_a_little_is_named_only_for_a_reading_that_explains_it() -> None:
    assert domain_mistake(of(1, *range(100, 110)), (1, *range(200, 210))) is None


@pytest.mark.parametrize(("domain", "buckets"), [((), (1,)), ((1,), ()), ((), ())])
def test_nothing_is_said_of_nothing(domain: tuple[int, ...], buckets: tuple[int, ...]) -> None:
    assert domain_mistake(frozenset(domain), buckets) is None


KEYS = st.integers(0, 2**128 - 1)


@given(st.sets(KEYS, min_size=1, max_size=20), st.sets(KEYS, max_size=20))
def test_a_domain_with_every_bucket_is_never_doubted(buckets: set[int], more: set[int]) -> None:
    assert domain_mistake(frozenset(buckets | more), buckets) is None


@given(st.sets(KEYS, max_size=20), st.sets(KEYS, max_size=20))
def test_no_bucket_is_too_odd(domain: set[int], buckets: set[int]) -> None:
    domain_mistake(frozenset(domain), buckets)


def partial(reports: int = 10, errors: Mapping[ErrorCounter, int] | None = None, **counts: Any) -> Partial:
    return Partial(reports=reports, errors=Counter(errors or {}), **counts)


def test_a_report_that_is_neither_left_out_nor_a_duplicate_counts() -> None:
    assert valid_reports(partial(10, errors={WRONG: 3, ErrorCounter.INVALID_REPORT_ID: 3}, duplicates=2)) == 5


def test_copies_beside_their_reports_are_debug_and_production_mixed() -> None:
    mistake = mixed_debug(partial(10, duplicates=4, debug_mode=4), PRODUCTION)
    assert what(mistake).startswith(
        "debug and production reports are mixed: 4 have debug_mode enabled and 4 came twice"
    )
    assert mistake is not None
    assert mistake.certain


def test_some_reports_with_debug_mode_may_be_a_mixture() -> None:
    mistake = mixed_debug(partial(10, debug_mode=4), PRODUCTION)
    assert what(mistake).startswith("4 of 10 have debug_mode enabled")
    assert mistake is not None
    assert not mistake.certain


def test_production_reports_alone_and_debug_mode_in_all_are_no_mixture() -> None:
    assert mixed_debug(partial(10, duplicates=4), PRODUCTION) is None
    assert mixed_debug(partial(10, debug_mode=10), PRODUCTION) is None


def test_a_debug_run_over_production_reports_is_named() -> None:
    errors = {ErrorCounter.DEBUG_NOT_ENABLED: 10, WRONG: 10}
    assert what(mixed_debug(partial(10, errors=errors), DEBUG)).startswith("none of the reports is a debug report")
    errors = {ErrorCounter.DEBUG_NOT_ENABLED: 4, WRONG: 4}
    mixture = mixed_debug(partial(10, errors=errors, debug_mode=6), DEBUG)
    assert what(mixture).startswith("debug and production reports are mixed")
    assert mixed_debug(partial(10, debug_mode=10), DEBUG) is None


def test_sums_that_are_empty_for_their_filtering_ids_are_named() -> None:
    said = what(filtering_mistake(partial(unqueried=40, unqueried_id=3), PRODUCTION))
    assert said == "no contribution has filtering id 0: 40 contributions have others, such as 3"


def test_sums_that_are_not_empty_or_have_nothing_left_out_are_fine() -> None:
    assert filtering_mistake(partial(unqueried=40, unqueried_id=3, sums={1: 1}), PRODUCTION) is None
    assert filtering_mistake(partial(), PRODUCTION) is None


def test_reports_of_two_coordinators_are_named() -> None:
    errors = {ErrorCounter.DECRYPTION_KEY_NOT_FOUND: 4, WRONG: 4}
    said = what(two_coordinators(partial(errors=errors)))
    assert said.startswith("6 reports are sealed to keys that are known here and 4 to others")


def test_keys_that_are_all_known_or_all_unknown_are_no_two_coordinators() -> None:
    assert two_coordinators(partial()) is None
    assert two_coordinators(partial(4, errors={ErrorCounter.DECRYPTION_KEY_NOT_FOUND: 4, WRONG: 4})) is None
