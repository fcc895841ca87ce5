"""Pages are recorded, and their story gives the reports that their servers got, opened with the agent's keys."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.journeys.story_files import run_file
from agent.reporting.bundle_files import write_whole_bundle
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.reporting.har_format import assert_is_har

pytestmark = pytest.mark.browser
SOURCE = {
    "source_event_id": "7",
    "destination": "https://shop.test",
    "aggregation_keys": {"sum": "0x1"},
    "debug_reporting": True,
}
TRIGGER = {
    "event_trigger_data": [{"trigger_data": "1"}],
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["sum"]}],
    "aggregatable_values": {"sum": 52},
    "debug_reporting": True,
}
FIELDS = {
    "/source": {"Attribution-Reporting-Register-Source": json.dumps(SOURCE), "Set-Cookie": "id=secret; Secure"},
    "/trigger": {"Attribution-Reporting-Register-Trigger": json.dumps(TRIGGER)},
    "/impression": {"Save-Impression": 'histogram-index=4, conversion-sites=("shop.test")'},
}
ASK = "{ credentials: 'include', attributionReporting: { eventSourceEligible: true, triggerEligible: true } }"
SHARED_STORAGE = "sharedStorage.worklet.addModule('/worklet.js').then(() => sharedStorage.run('write', { data: {} }))"
CONVERT = """
navigator.attribution.measureConversion(
    { aggregationService: "https://aggregator.test", histogramSize: 8, value: 3, maxValue: 10 }
).then(() => 0)
"""


class AdTech:
    """The reporting origin: registers, and keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []

    def app(self) -> web.Application:
        async def answer(request: web.Request) -> web.Response:
            if request.method == "POST":
                self.posted.append((str(request.path), await request.json()))
            origin = request.headers.get("Origin", "*")
            cors = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
            return web.Response(headers=cors | FIELDS.get(request.path, {}))

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        return app

    def reports(self, keys: dict[str, bytes]) -> list[Any]:
        """What was posted and is compared: path and body; of a sealed payload what it says."""
        return sorted(([path, _opened(body, keys)] for path, body in self.posted), key=json.dumps)


def _opened(body: Any, keys: dict[str, bytes]) -> Any:
    if not isinstance(body, dict) or "aggregation_service_payloads" not in body:
        return body
    (sealed,) = body.pop("aggregation_service_payloads")
    plaintext = open_payload(base64.b64decode(sealed["payload"]), body["shared_info"], keys[sealed["key_id"]])
    assert plaintext is not None
    read = read_payload(plaintext)
    assert isinstance(read, Payload)
    histograms = [{"id": "0", "key": hex(one.bucket), "value": one.value} for one in read.data if one.value]
    return {**body, "shared_info": json.loads(body["shared_info"]), "histograms": histograms}


def _played_again(bundle: Path) -> list[Any]:
    """The same of the reports that the bundle's story gives."""
    (*_, attribution) = run_file(str(bundle))
    assert attribution.mismatches == []
    again = []
    for report in attribution.results:
        payload = report["payload"]
        if isinstance(payload, dict) and "histograms" in payload:
            histograms = [one for one in payload["histograms"] if one["value"]]
            payload = {**payload, "histograms": histograms}
        again.append([report["report_url"].removeprefix("https://adtech.test"), payload])
    return sorted(again, key=json.dumps)


async def test_a_recorded_visit_gives_the_reports_that_the_servers_got(agent: Agent, tmp_path: Path) -> None:
    adtech = AdTech()
    agent.map("adtech.test", adtech.app())
    worklet = "register('write', class { async run() { await sharedStorage.set('k', 'v'); } });"
    agent.map("news.test", site({"/worklet.js": worklet}))
    agent.map("shop.test", site({}))
    news = await agent.new_page("https://news.test/")
    await news.evaluate(f"fetch('https://adtech.test/source', {ASK}).then(() => 0)")
    await news.evaluate("fetch('https://adtech.test/impression').then(() => 0)")
    await news.evaluate(f"{SHARED_STORAGE}.then(() => 0)")
    await agent.clock.advance("1h")
    shop = await agent.new_page("https://shop.test/?order=1")
    await shop.evaluate(f"fetch('https://adtech.test/trigger', {ASK}).then(() => 0)")
    await shop.mouse.click(1, 1)
    await shop.evaluate(CONVERT)
    await agent.clock.advance("40d")

    notes = await write_whole_bundle(agent, tmp_path / "run")
    got = adtech.reports(agent.service_keys.private_keys())
    assert {path.rpartition("/")[2] for path, _ in got} >= {"report-event-attribution", "report-aggregate-attribution"}
    assert _played_again(tmp_path / "run") == got
    (conversions, _) = run_file(str(tmp_path / "run"))
    assert conversions.mismatches == []
    assert conversions.results[-1]["histogram"] == [0, 0, 0, 0, 3, 0, 0, 0]
    assert [note.partition(" not played")[0] for note in notes] == ["3 events of Shared Storage and its worklets"]

    log = json.loads((tmp_path / "run" / "network.har").read_text())
    assert_is_har(log)
    entries = {entry["request"]["url"]: entry for entry in log["log"]["entries"]}
    for path, fields in FIELDS.items():
        entry = entries[f"https://adtech.test{path}"]
        assert (entry["request"]["method"], entry["response"]["status"]) == ("GET", 200)
        sent = {field["name"].lower(): field["value"] for field in entry["request"]["headers"]}
        assert sent["sec-fetch-mode"] == "cors"
        answered = {field["name"]: field["value"] for field in entry["response"]["headers"]}
        assert fields.items() - answered.items() <= {("Set-Cookie", "id=secret; Secure")}
        assert entry["time"] > 0
    assert "id=secret" not in json.dumps(log)
    assert "Attribution-Reporting-Eligible" in json.dumps(entries["https://adtech.test/source"]["request"])
    assert (tmp_path / "run" / "screenshot-1.png").is_file()
