"""agent.aggregation.service on the ledger in SQLite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from agent.aggregation.outcome import AggregationError, AggregationErrorCode, AggregationResult
from agent.aggregation.service import aggregate
from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch
from agent.model.rng import Draw, Rng, SeededRng
from storage.aggregation_ledger import AggregationLedger
from storage.database import MEMORY, Database
from tests.aggregation.reports import KEYS, NOW, SERVICE, sealed, sealed_batch


class NoChance:
    """Fails where anything is drawn."""

    def fraction(self, draw: Draw) -> float:
        raise AssertionError(f"{draw} was drawn")

    def below(self, draw: Draw, bound: int) -> int:
        raise AssertionError(f"{draw} was drawn below {bound}")

    def bytes(self, draw: Draw, count: int) -> bytes:
        raise AssertionError(f"{count} bytes of {draw} were drawn")


class TornLedger(AggregationLedger):
    """Fails after it has consumed the reports."""

    def record(self, batch: AggregatedBatch, report_ids: Sequence[bytes]) -> int:
        super().record(batch, report_ids)
        raise OSError("the disk is gone")


class Service:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger: type[AggregationLedger] = AggregationLedger

    def run(
        self, bodies: list[bytes], *, rng: Rng | None = None, epsilon: float = 1.0, **options: Any
    ) -> AggregationResult | AggregationError:
        return self._database.transact(
            "aggregate",
            lambda connection: aggregate(
                bodies,
                epsilon=epsilon,
                keys=KEYS,
                ledger=self._ledger(connection),
                rng=rng or SeededRng(5),
                now=NOW,
                **options,
            ),
        )

    def aggregated(self, bodies: list[bytes], **options: Any) -> AggregationResult:
        result = self.run(bodies, **options)
        assert isinstance(result, AggregationResult)
        return result

    def refused(self, bodies: list[bytes], **options: Any) -> AggregationError:
        """The refusal, which draws nothing and leaves the ledger as it was."""
        before = self.kept()
        error = self.run(bodies, rng=NoChance(), **options)
        assert isinstance(error, AggregationError)
        assert self.kept() == before
        return error

    def torn(self, bodies: list[bytes]) -> None:
        self._ledger = TornLedger
        try:
            self.run(bodies)
        finally:
            self._ledger = AggregationLedger

    def kept(self) -> tuple[list[Any], list[Any]]:
        return self._database.transact(
            "look",
            lambda connection: (
                connection.execute("SELECT * FROM aggregated_batches").fetchall(),
                connection.execute("SELECT * FROM aggregated_reports").fetchall(),
            ),
        )


@pytest.fixture
def service() -> Iterator[Service]:
    with Database.open(MEMORY, now=NOW) as database:
        yield Service(database)


def test_a_batch_gives_one_histogram_and_is_recorded(service: Service) -> None:
    result = service.aggregated(sealed_batch(21), noise=False)
    batch = result.batch
    assert batch.histogram == (18, 15, 15, 15)
    assert (batch.reports, batch.minimum_batch, batch.epsilon, batch.time) == (21, 20, 1.0, NOW)
    assert (batch.dialect, batch.service) == (Dialect.CURRENT, SERVICE)
    assert (batch.collector, batch.budget_source) == ("adtech.test", "shop.test")
    batches, consumed = service.kept()
    assert [row[0] for row in batches] == [batch.id]
    assert consumed == [(number.to_bytes(16, "big").hex(), batch.id) for number in range(21)]


def test_without_noise_nothing_is_drawn_and_the_sums_are_exact(service: Service) -> None:
    batch = service.aggregated(sealed_batch(), rng=NoChance(), noise=False).batch
    assert not batch.noise
    assert batch.histogram == batch.p5 == batch.p95 == (15, 15, 15, 15)
    assert batch.standard_deviation == 0
    assert batch.scale == 20


def test_the_noise_is_that_of_the_documented_scale(service: Service) -> None:
    # scale 2 * 10 / 0.5 = 40; over 400 buckets the sample deviation is within a quarter of the exact one.
    empty = sealed_batch(histogram=(0,) * 400)
    batch = service.aggregated(empty, epsilon=0.5).batch
    p = math.exp(-1 / 40)
    exact = math.sqrt(2 * p) / (1 - p)
    assert batch.scale == 40
    assert batch.standard_deviation == pytest.approx(exact, rel=1e-12)
    assert math.sqrt(sum(value**2 for value in batch.histogram) / 400) == pytest.approx(exact, rel=0.25)
    assert len(set(batch.histogram)) > 50  # independent in each bucket


def test_noised_sums_are_not_clamped(service: Service) -> None:
    empty = sealed_batch(histogram=(0,) * 400)
    histogram = service.aggregated(empty).batch.histogram
    assert 100 < sum(value < 0 for value in histogram) < 300


def test_nine_of_ten_true_sums_lie_within_p5_and_p95(service: Service) -> None:
    bodies = sealed_batch(histogram=(0,) * 1_000)
    batch = service.aggregated(bodies).batch
    held = sum(low <= 0 <= high for low, high in zip(batch.p5, batch.p95, strict=True))
    # Binomial with p = 0.9 or a little more: 900 expected, standard deviation below 9.5.
    assert 860 < held < 950


def test_the_true_histogram_is_told_only_where_asked_for(service: Service) -> None:
    assert service.aggregated(sealed_batch()).true_histogram is None
    others = [sealed(number) for number in range(20, 40)]
    assert service.aggregated(others, reveal=True).true_histogram == (15, 15, 15, 15)


def test_the_same_seed_gives_the_same_answer() -> None:
    answers = []
    for seed in (1, 1, 2):
        with Database.open(MEMORY, now=NOW) as database:
            answers.append(Service(database).aggregated(sealed_batch(), rng=SeededRng(seed)).batch)
    assert answers[0] == answers[1]
    assert answers[0].histogram != answers[2].histogram


def test_a_batch_is_aggregated_once(service: Service) -> None:
    bodies = sealed_batch()
    service.aggregated(bodies)
    error = service.refused(bodies)
    assert error.code is AggregationErrorCode.REPLAYED_REPORT
    assert error.reports == tuple(range(20))


def test_one_report_of_an_earlier_batch_spoils_a_new_one_and_is_named(service: Service) -> None:
    service.aggregated(sealed_batch(20))
    fresh = [sealed(number) for number in range(20, 40)]
    error = service.refused([*fresh, sealed(13)])
    assert (error.code, error.reports) == (AggregationErrorCode.REPLAYED_REPORT, (20,))
    assert len(error.trace.checks) == 8
    assert service.aggregated(fresh).batch.reports == 20


def test_a_report_twice_in_one_batch_is_refused_at_its_second_place(service: Service) -> None:
    bodies = sealed_batch()
    # The same bytes, and the same report sealed anew: the id counts, not the bytes.
    error = service.refused([*bodies, bodies[4], sealed(5)])
    assert (error.code, error.reports) == (AggregationErrorCode.REPLAYED_REPORT, (20, 21))
    service.aggregated(bodies)


def test_copies_do_not_reach_the_minimum_batch(service: Service) -> None:
    assert service.refused([sealed()] * 20).code is AggregationErrorCode.REPLAYED_REPORT


@pytest.mark.parametrize(
    ("spoil", "options", "code"),
    [
        ([], {"epsilon": 0.0}, AggregationErrorCode.INVALID_EPSILON),
        ([], {"minimum_batch": 21}, AggregationErrorCode.BATCH_BELOW_MINIMUM),
        ([b"?"], {}, AggregationErrorCode.MALFORMED_REPORT),
        ([sealed(50, collector="other.test")], {}, AggregationErrorCode.MIXED_BATCH),
        ([sealed(50, micro_epsilon=1)], {}, AggregationErrorCode.UNDERPAID_EPSILON),
        ([sealed(50, histogram=(11, 0, 0, 0))], {}, AggregationErrorCode.VALUE_ABOVE_CAP),
    ],
)
def test_a_refused_batch_consumes_nothing(
    service: Service, spoil: list[bytes], options: dict[str, Any], code: AggregationErrorCode
) -> None:
    bodies = sealed_batch()
    assert service.refused([*bodies, *spoil], **options).code is code
    assert service.aggregated(bodies).batch.reports == 20


def test_reports_are_consumed_together_with_the_result_or_not_at_all(service: Service) -> None:
    bodies = sealed_batch()
    with pytest.raises(OSError, match="the disk is gone"):
        service.torn(bodies)
    assert service.kept() == ([], [])
    assert service.aggregated(bodies).batch.reports == 20


def test_dialects_differ_in_the_scale_of_equal_reports(service: Service) -> None:
    current = service.aggregated(sealed_batch()).batch
    seed_reports = [sealed(number, dialect=Dialect.LEVEL1_2024) for number in range(20, 40)]
    seed = service.aggregated(seed_reports, value_cap=10).batch
    assert (current.scale, seed.scale) == (20, 10)
