"""Every check of agent.aggregation.batch, in its order, each with an error of its own."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

from agent.aggregation.batch import Batch, name_reports, read_batch
from agent.aggregation.outcome import AggregationError, AggregationErrorCode
from agent.crypto.conversion_report import seal_report
from agent.crypto.keys import KeyRing, PublicKey, generate_key
from agent.model.attribution import Dialect
from agent.model.conversion_report import ConversionReport, ReportRefusal
from agent.model.rng import SeededRng
from tests.aggregation.reports import KEYS, report, sealed, sealed_batch

STRANGER = generate_key(SeededRng(99))


def read(bodies: list[bytes], *, epsilon: float = 1.0, **options: Any) -> Batch | AggregationError:
    return read_batch(bodies, epsilon=epsilon, keys=KEYS, **options)


def refused(bodies: list[bytes], *, epsilon: float = 1.0, **options: Any) -> AggregationError:
    error = read(bodies, epsilon=epsilon, **options)
    assert isinstance(error, AggregationError)
    assert error.message
    assert error.fix
    stopped = error.trace.stopped_at
    assert stopped is not None
    assert stopped is error.trace.checks[-1]
    assert (stopped.detail, stopped.fix) == (error.message, error.fix)
    return error


def accepted(bodies: list[bytes], *, epsilon: float = 1.0, **options: Any) -> Batch:
    batch = read(bodies, epsilon=epsilon, **options)
    assert isinstance(batch, Batch)
    assert batch.trace.stopped_at is None
    return batch


def with_one(position: int, odd: bytes) -> list[bytes]:
    bodies = sealed_batch()
    bodies[position] = odd
    return bodies


def test_a_batch_sums_bucket_for_bucket() -> None:
    # Numbers 0 .. 20 hit bucket 0 six times, the others five times, with 3 each.
    assert accepted(sealed_batch(21)).histogram() == (18, 15, 15, 15)


@pytest.mark.parametrize("epsilon", [0, -1.0, 4294.000001, 10**400, math.inf, -math.inf, math.nan])
def test_an_epsilon_outside_0_to_4294_is_refused(epsilon: float) -> None:
    error = refused(sealed_batch(), epsilon=epsilon)
    assert (error.code, error.reports) == (AggregationErrorCode.INVALID_EPSILON, ())


@pytest.mark.parametrize("epsilon", [9e-13, 1e-307, 5e-324])
def test_an_epsilon_whose_noise_no_summary_could_tell_is_refused(epsilon: float) -> None:
    error = refused(sealed_batch(), epsilon=epsilon)
    assert error.code is AggregationErrorCode.INVALID_EPSILON
    assert f"epsilon {epsilon} is below 1e-12" in error.message


def test_the_least_epsilon_is_accepted() -> None:
    assert accepted(sealed_batch(), epsilon=1e-12).scale == 20 * 10**12


def test_the_largest_epsilon_is_accepted() -> None:
    assert accepted(sealed_batch(micro_epsilon=4_294_000_000), epsilon=4294).scale == Fraction(20, 4294)


def test_an_empty_batch_is_refused_even_where_the_minimum_is_none() -> None:
    assert refused([], minimum_batch=0).code is AggregationErrorCode.EMPTY_BATCH


def test_a_batch_below_the_minimum_is_refused_and_one_at_the_minimum_is_not() -> None:
    error = refused(sealed_batch(19))
    assert error.code is AggregationErrorCode.BATCH_BELOW_MINIMUM
    assert "19" in error.message
    assert "20" in error.message
    assert "collect 1 more" in error.fix
    assert len(accepted(sealed_batch(20)).reports) == 20
    assert len(accepted(sealed_batch(2), minimum_batch=2).reports) == 2


@pytest.mark.parametrize("body", [b"", b"no report", sealed()[:-1]])
def test_a_malformed_report_is_refused_by_its_position(body: bytes) -> None:
    error = refused(with_one(3, body))
    assert (error.code, error.reports) == (AggregationErrorCode.MALFORMED_REPORT, (3,))
    assert "report 3" in error.message


def test_a_report_for_another_service_key_is_refused() -> None:
    foreign = seal_report(report(4), STRANGER.public, SeededRng(1))
    error = refused(with_one(4, foreign))
    assert (error.code, error.reports) == (AggregationErrorCode.UNKNOWN_KEY, (4,))
    assert STRANGER.id.hex() in error.message


def test_a_report_that_names_our_key_but_was_sealed_to_another_is_refused() -> None:
    disguised = PublicKey(KEYS.current.id, STRANGER.public_key)
    error = refused(with_one(5, seal_report(report(5), disguised, SeededRng(1))))
    assert (error.code, error.reports) == (AggregationErrorCode.UNDECRYPTABLE_REPORT, (5,))


def test_a_changed_report_is_refused() -> None:
    body = sealed(6)
    error = refused(with_one(6, body[:-1] + bytes([body[-1] ^ 1])))
    assert (error.code, error.reports) == (AggregationErrorCode.UNDECRYPTABLE_REPORT, (6,))


def test_reports_sealed_to_an_older_key_still_aggregate() -> None:
    ring = KeyRing(KEYS.current, STRANGER)
    bodies = [*sealed_batch(10), *(seal_report(report(n), STRANGER.public, SeededRng(n)) for n in range(10, 20))]
    assert isinstance(read_batch(bodies, epsilon=1.0, keys=ring), Batch)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("dialect", {"dialect": Dialect.LEVEL1_2024}),
        ("service", {"service": "https://other.test"}),
        ("collector", {"collector": "other.test"}),
        ("budget source", {"budget_source": "other.test"}),
        ("histogramSize", {"histogram": (0, 0, 0, 0, 3)}),
        ("maxValue", {"max_value": 11}),
    ],
)
def test_a_mixed_batch_names_the_field_and_the_reports(field: str, changes: dict[str, Any]) -> None:
    bodies = sealed_batch()
    bodies[2], bodies[7] = sealed(2, **changes), sealed(7, **changes)
    error = refused(bodies)
    assert error.code is AggregationErrorCode.MIXED_BATCH
    assert (error.fields, error.reports) == ((field,), (2, 7))
    assert f"{field} of reports 2 and 7" in error.message
    assert field in error.fix


def test_a_batch_mixed_in_two_ways_names_both() -> None:
    bodies = sealed_batch()
    bodies[2], bodies[7] = sealed(2, max_value=11), sealed(7, collector="other.test")
    error = refused(bodies)
    assert (error.fields, error.reports) == (("collector", "maxValue"), (2, 7))


@pytest.mark.parametrize("changes", [{"time": 0}, {"micro_epsilon": 2_000_000}, {"histogram": (10, 0, 0, 0)}])
def test_reports_may_differ_in_time_payment_and_counts(changes: dict[str, Any]) -> None:
    assert len(accepted(with_one(1, sealed(1, **changes))).reports) == 20


def test_a_report_that_paid_less_than_epsilon_is_refused_and_one_that_paid_as_much_is_not() -> None:
    error = refused(with_one(8, sealed(8, micro_epsilon=999_999)))
    assert (error.code, error.reports) == (AggregationErrorCode.UNDERPAID_EPSILON, (8,))
    assert "at most 999999 micro-epsilon" in error.fix
    accepted(with_one(8, sealed(8, micro_epsilon=999_999)), epsilon=0.999999)


@pytest.mark.parametrize(("epsilon", "paid"), [(0.1, 100_000), (0.3, 300_000), (1e-9, 1)])
def test_what_is_due_is_rounded_as_a_page_pays_it(epsilon: float, paid: int) -> None:
    # Seed dialect, section 5: multiply as doubles, then round up; the three examples are the specification's.
    accepted(sealed_batch(micro_epsilon=paid), epsilon=epsilon)
    if paid > 1:
        assert refused(sealed_batch(micro_epsilon=paid - 1), epsilon=epsilon).code is (
            AggregationErrorCode.UNDERPAID_EPSILON
        )


def test_in_the_current_dialect_the_cap_of_a_report_is_its_max_value() -> None:
    accepted(with_one(9, sealed(9, histogram=(5, 5, 0, 0))), value_cap=1)
    error = refused(with_one(9, sealed(9, histogram=(5, 5, 1, 0))), value_cap=100)
    assert (error.code, error.reports) == (AggregationErrorCode.VALUE_ABOVE_CAP, (9,))
    assert "10" in error.message


def test_in_the_seed_dialect_the_cap_of_a_report_is_the_parameter_of_the_service() -> None:
    seed = {"dialect": Dialect.LEVEL1_2024, "max_value": 65_536}
    odd = [*sealed_batch(19, **seed), sealed(19, histogram=(0, 65_536, 0, 0), **seed)]
    assert accepted(odd).scale == 65_536
    error = refused(odd, value_cap=65_535)
    assert (error.code, error.reports) == (AggregationErrorCode.VALUE_ABOVE_CAP, (19,))


@pytest.mark.parametrize(
    ("dialect", "scale"),
    [(Dialect.LEVEL1_2024, Fraction(100, 1) / Fraction(1, 2)), (Dialect.CURRENT, 2 * Fraction(10, 1) / Fraction(1, 2))],
)
def test_the_scale_is_the_dialects(dialect: Dialect, scale: Fraction) -> None:
    # Section 8: value cap / epsilon for the seed dialect, 2 * maxValue / epsilon for the current one.
    assert accepted(sealed_batch(dialect=dialect), epsilon=0.5, value_cap=100).scale == scale


def test_checks_stop_at_the_first_that_fails_and_leave_their_trace() -> None:
    damaged = sealed_batch(2, micro_epsilon=1)
    damaged[1] = b""
    order = [
        (refused(damaged, epsilon=0), AggregationErrorCode.INVALID_EPSILON),
        (refused(damaged), AggregationErrorCode.BATCH_BELOW_MINIMUM),
        (refused(damaged, minimum_batch=2), AggregationErrorCode.MALFORMED_REPORT),
        (refused([damaged[0], sealed(1)], minimum_batch=2), AggregationErrorCode.UNDERPAID_EPSILON),
    ]
    for error, code in order:
        assert error.code is code
        assert [check.passed for check in error.trace.checks] == [True] * (len(error.trace.checks) - 1) + [False]
    lengths = [len(error.trace.checks) for error, _ in order]
    assert lengths == sorted(set(lengths))


def test_many_reports_at_fault_are_counted_not_listed() -> None:
    assert name_reports([3]) == "report 3"
    assert name_reports([0, 4, 7]) == "reports 0, 4 and 7"
    assert name_reports(range(10)) == "reports 0, 1, 2, 3, 4, 5, 6, 7, 8 and 9"
    assert name_reports(range(100)) == "reports 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 90 more"


class Unsealed:
    """A report protocol of another kind: the number of a report, in the clear."""

    def seal(self, given: ConversionReport, key: PublicKey, rng: object) -> bytes:
        del key, rng
        return given.report_id

    def open(self, body: bytes, keys: KeyRing) -> ConversionReport | ReportRefusal:
        del keys
        return report(int.from_bytes(body, "big"))


def test_another_report_protocol_takes_the_place_of_the_envelope() -> None:
    protocol = Unsealed()
    bodies = [protocol.seal(report(number), KEYS.current.public, SeededRng(1)) for number in range(20)]
    assert accepted(bodies, protocol=protocol).histogram() == (15, 15, 15, 15)
