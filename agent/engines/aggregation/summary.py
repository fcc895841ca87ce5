"""The summary of a job: which buckets come out, and with what noise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import repeat
from typing import Final

from agent.engines.aggregation.noise import discrete_laplace_draws, interval, standard_deviation
from agent.engines.aggregation.thresholds import exact, key_threshold
from agent.model.aggregation import L1_SENSITIVITY, AggregatedFact, JobParameters, Summary
from agent.model.rng import Rng

THRESHOLD_TOLERANCE: Final = 1e-4
"""A noised value this little below the threshold passes, as in the service."""


def noise_scale(epsilon: float) -> Fraction:
    """Scale b of the noise, L1 / epsilon; epsilon counts as the decimal that it is written as, so 0.1 is a tenth."""
    return L1_SENSITIVITY / exact(epsilon)


def summarize(
    sums: Mapping[int, int],
    domain: Collection[int] | None,
    parameters: JobParameters,
    *,
    rng: Rng,
    noise: bool,
    thresholding: bool = False,
) -> Summary:
    """What is published of ``sums``, and in a debug run what is behind it (section 8). Sums are never clamped.

    With a domain: exactly its buckets, whether reports have them or not. Without one (None): the reports' buckets.
    With ``thresholding``: the buckets of the domain, if any, and those of the reports whose noised value reaches
    :func:`~agent.engines.aggregation.thresholds.key_threshold`.

    Each bucket has one draw of its own, in order of the buckets; what only the debug summary shows is drawn
    afterwards, so that a debug run of the same seed publishes the same. ``noise`` off adds 0.
    """
    epsilon = parameters.debug_privacy_epsilon
    scale = noise_scale(epsilon)
    draws: Iterator[int] = discrete_laplace_draws(scale, rng) if noise else repeat(0)
    named = frozenset(domain or ())
    candidates = named | sums.keys() if domain is None or thresholding else named
    published = facts = _facts(candidates, sums, named, draws)
    if thresholding:
        least = key_threshold(epsilon) - THRESHOLD_TOLERANCE
        published = [fact for fact in facts if fact.in_domain or fact.metric >= least]
    debug_facts: list[AggregatedFact] = []
    if parameters.debug_run:
        hidden = _facts(sums.keys() - candidates, sums, named, draws)
        debug_facts = sorted(facts + hidden, key=lambda fact: fact.bucket)
    return Summary(
        facts=tuple(published),
        debug_facts=tuple(debug_facts),
        epsilon=epsilon,
        scale=float(scale) if noise else 0.0,
        standard_deviation=standard_deviation(scale) if noise else 0.0,
        interval=interval(scale) if noise else 0,
    )


def _facts(
    buckets: Iterable[int], sums: Mapping[int, int], domain: frozenset[int], draws: Iterator[int]
) -> list[AggregatedFact]:
    return [
        AggregatedFact(bucket, sums.get(bucket, 0) + next(draws), sums.get(bucket, 0), bucket in domain, bucket in sums)
        for bucket in sorted(buckets)
    ]
