"""Aggregatable reports built and sealed per second, and which share that is of bare sealing in the same run.

Measured: the body of a report, from its content to the bytes that are sent (shared_info, canonical CBOR, padding, HPKE,
base64, JSON), as delivery makes it; with 2 contributions, with 20, and in debug mode, which shows the clear text too.

Against: HPKE alone, over a plaintext and an info that were made before, with an ephemeral key of its own for each
message; and a second such subject, which shows how far two equal ones differ. Subjects take turns in random order. The
time is the thread's own on the processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import generate_key
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.assembly import sealed_body
from agent.engines.attribution_reporting.report_bodies import shared_info
from agent.model.attribution_reporting.limits import COORDINATORS, AttributionReportingLimits
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.clock import DEFAULT_FROZEN_START
from agent.model.rng import SeededRng
from benchmarks.figures import Figure, Goal, ratio
from benchmarks.rounds import Plan, interleave

REPORTS = 500
"""Reports of a round."""
_TINY_REPORTS = 20
GOAL = Goal(at_least=0.75)
"""Reports per second over bare seals per second."""
_BARE, _AGAIN = "bare", "bare again"


async def measure(plan: Plan) -> list[Figure]:
    """Seal rounds of reports, and of bare messages."""
    rng = SeededRng(1)
    key = CoordinatorKey("k1", generate_key(rng).public_key)
    limits = AttributionReportingLimits()
    contents = {
        "two": _content(2),
        "twenty": _content(limits.max_contributions_per_report),
        "debug": replace(_content(2), source_debug_key=1, trigger_debug_key=2),
    }
    count = _TINY_REPORTS if plan.tiny else REPORTS
    info = shared_info(contents["two"])
    plaintext = encode_payload(contents["two"].contributions, id_bytes=1, length=limits.max_contributions_per_report)

    work: dict[str, Callable[[], object]] = {
        name: partial(sealed_body, content, key, limits, rng) for name, content in contents.items()
    }
    work[_BARE] = work[_AGAIN] = partial(seal_payload, plaintext, info, key.public_key, rng)
    rates = await interleave("sealing", plan, {name: _Subject(one, count) for name, one in work.items()})
    figures = [Figure(f"sealing.{name}", "reports/s", rates[name]) for name in (*contents, _BARE)]
    shares = [ratio(f"sealing.{name}_over_bare", rates[name], rates[_BARE], rates[_AGAIN], GOAL) for name in contents]
    return [*figures, *shares]


class _Subject:
    """One kind of work, done over and over."""

    def __init__(self, work: Callable[[], object], count: int) -> None:
        self._work, self._count = work, count

    async def __call__(self) -> float:
        """How often a second it was done in one round."""
        began = time.thread_time()
        for _ in range(self._count):
            self._work()
        return self._count / (time.thread_time() - began)


def _content(contributions: int) -> AggregatableContent:
    return AggregatableContent(
        reporting_origin="https://reporter.test",
        report_id="00000000-0000-4000-8000-000000000001",
        attribution_destination="https://shop.test",
        report_time=DEFAULT_FROZEN_START,
        coordinator=COORDINATORS[0],
        contributions=tuple(Contribution(0x559 + number, 32_768 >> number) for number in range(contributions)),
    )
