from __future__ import annotations

from typing import Any

import pytest

from agent.crypto.conversion_report import open_report
from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock
from agent.model.conversion_report import ConversionReport
from agent.model.settings import LOCAL_SERVICE
from agent.runtime import Agent
from tests.report_contents import conversion

SERVICE: dict[Dialect, dict[str, Any]] = {
    Dialect.LEVEL1_2024: {"aggregator": LOCAL_SERVICE.name},
    Dialect.CURRENT: {"aggregationService": LOCAL_SERVICE.url},
}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("caller", "collector"), [("ads.test", "ads.test"), (None, "shop.test")])
async def test_a_report_names_the_calling_site_as_collector_and_the_top_level_site_as_budget_source(
    dialect: Dialect, caller: str | None, collector: str
) -> None:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen()) as agent:
        options = {**SERVICE[dialect], "histogramSize": 2}
        body = await agent.measure_conversion(dialect, CallContext("shop.test", caller), options)
        assert isinstance(body, bytes)
        report = open_report(body, agent.service_keys)
        assert isinstance(report, ConversionReport)
        assert (report.collector, report.budget_source) == (collector, "shop.test")
        (kept,) = await agent.reports.all()
        assert (conversion(kept).collector, conversion(kept).conversion_site) == (collector, "shop.test")
