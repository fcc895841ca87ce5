"""The calls of both APIs as a page makes them, timed by the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

URL = "https://shop.test/empty"
_TIMED = """async ({ api, method, options, count }) => {
  const object = navigator[api];
  const started = performance.now();
  for (let i = 0; i < count; i++) await object[method](options);
  return (performance.now() - started) / count;
}"""
_REPORT_SIZE = """async ({ api, method, options }) => {
  const result = await navigator[api][method](options);
  return (result.report ?? result).byteLength;
}"""
# So small an epsilon that no budget ends while a benchmark lasts.
_MEASURED = {"histogramSize": 8, "epsilon": 1e-5, "value": 1}


@dataclass(frozen=True, slots=True)
class Call:
    """One call with its options."""

    name: str
    api: str
    method: str
    options: dict[str, Any] = field(default_factory=dict)

    async def time(self, page: Page, count: int = 1) -> float:
        """Milliseconds of one call, over ``count`` in sequence, each awaited."""
        return float(await page.evaluate(_TIMED, self._arguments(count)))

    async def report_size(self, page: Page) -> int:
        """Bytes of the report that the call gives."""
        return int(await page.evaluate(_REPORT_SIZE, self._arguments(1)))

    def _arguments(self, count: int) -> dict[str, Any]:
        return {"api": self.api, "method": self.method, "options": self.options, "count": count}


def save(dialect: str, conversion_site: str = "elsewhere.test") -> Call:
    """``saveImpression`` for a conversion site; by default one that measures nothing."""
    if dialect == "current":
        options: dict[str, Any] = {"histogramIndex": 1, "conversionSites": [conversion_site]}
        return Call("current.saveImpression", "attribution", "saveImpression", options)
    options = {"histogramIndex": 1, "ad": "ad", "conversionSite": conversion_site}
    return Call("level1_2024.saveImpression", "privateAttribution", "saveImpression", options)


def measure(dialect: str) -> Call:
    """``measureConversion`` on the page's own site."""
    if dialect == "current":
        options = {**_MEASURED, "aggregationService": "https://aggregator.test", "maxValue": 1}
        return Call("current.measureConversion", "attribution", "measureConversion", options)
    options = {**_MEASURED, "aggregator": "aggregator.test"}
    return Call("level1_2024.measureConversion", "privateAttribution", "measureConversion", options)
