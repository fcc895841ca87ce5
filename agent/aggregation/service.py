"""The local aggregation service: open, check, sum, add noise; each report once (seed dialect, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.aggregation.batch import DEFAULT_MINIMUM_BATCH, DEFAULT_VALUE_CAP, Batch, judge, name_reports, read_batch
from agent.aggregation.outcome import AggregationError, AggregationErrorCode, AggregationResult
from agent.crypto.conversion_report import HPKE_ENVELOPE, ReportProtocol
from agent.crypto.keys import KeyRing
from agent.engines.aggregation.noise import discrete_laplace, interval, standard_deviation
from agent.model.events import Trace
from agent.model.ledger import AggregatedBatch, Ledger
from agent.model.rng import Rng


def aggregate(
    reports: Sequence[bytes],
    *,
    epsilon: float,
    keys: KeyRing,
    ledger: Ledger,
    rng: Rng,
    now: int,
    minimum_batch: int = DEFAULT_MINIMUM_BATCH,
    value_cap: int = DEFAULT_VALUE_CAP,
    noise: bool = True,
    reveal: bool = False,
    protocol: ReportProtocol = HPKE_ENVELOPE,
) -> AggregationResult | AggregationError:
    """The noised histogram of a batch of sealed reports, or the one error for which it is refused.

    ``epsilon``: in (0, 4294] and at least 1e-12, at most what every report paid. ``now``: milliseconds.
    ``value_cap``: stands for the ``maxValue`` that the seed dialect lacks. ``noise=False`` gives exact sums;
    ``reveal=True`` gives them beside the noised ones. A refusal consumes no report and draws no noise.
    """
    batch = read_batch(
        reports, epsilon=epsilon, keys=keys, minimum_batch=minimum_batch, value_cap=value_cap, protocol=protocol
    )
    if isinstance(batch, AggregationError):
        return batch
    return settle(batch, ledger=ledger, rng=rng, now=now, noise=noise, reveal=reveal)


def settle(
    batch: Batch, *, ledger: Ledger, rng: Rng, now: int, noise: bool = True, reveal: bool = False
) -> AggregationResult | AggregationError:
    """Aggregate a batch that was read, unless one of its reports was aggregated before.

    Looking up, drawing and recording belong in the one transaction in which ``ledger`` works.
    """
    checks = list(batch.trace.checks)
    rule = "no report was aggregated before"
    if refused := judge(checks, rule, f"{len(batch.reports)} report ids", _replay_error(batch, ledger)):
        return refused
    true_histogram = batch.histogram()
    scale = batch.scale
    histogram = tuple(count + discrete_laplace(scale, rng) for count in true_histogram) if noise else true_histogram
    width = interval(scale) if noise else 0
    first = batch.reports[0]
    outcome = AggregatedBatch(
        time=now,
        dialect=first.dialect,
        service=first.service,
        collector=first.collector,
        budget_source=first.budget_source,
        reports=len(batch.reports),
        minimum_batch=batch.minimum_batch,
        epsilon=batch.epsilon,
        scale=float(scale),
        standard_deviation=standard_deviation(scale) if noise else 0.0,
        noise=noise,
        histogram=histogram,
        p5=tuple(count - width for count in histogram),
        p95=tuple(count + width for count in histogram),
    )
    outcome = replace(outcome, id=ledger.record(outcome, batch.report_ids))
    return AggregationResult(outcome, true_histogram if reveal else None, Trace(tuple(checks)))


def _replay_error(batch: Batch, ledger: Ledger) -> AggregationError | None:
    seen = set(ledger.aggregated(batch.report_ids))
    positions = []
    for position, report_id in enumerate(batch.report_ids):
        if report_id in seen:
            positions.append(position)
        seen.add(report_id)
    if not positions:
        return None
    return AggregationError(
        AggregationErrorCode.REPLAYED_REPORT,
        f"{name_reports(positions)} of the batch were aggregated before, or stand in the batch twice",
        "leave these reports out; each report counts once, because its epsilon was paid once",
        tuple(positions),
    )
