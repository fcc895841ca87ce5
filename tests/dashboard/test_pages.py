from __future__ import annotations

import json
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode

import pytest
from yarl import URL

from agent.dashboard.pages import PAGES
from agent.model.attribution import CallContext
from agent.model.events import Check, Event, Trace
from tests.attribution_world import CURRENT
from tests.dashboard.conftest import Dashboard, register

TEN = [
    "timeline",
    "sources",
    "triggers",
    "reports",
    "budgets",
    "shared-storage",
    "aggregation",
    "header-lab",
    "network",
    "settings",
]
MARKUP = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>\"'&amp;"


class Elements(HTMLParser):
    """The elements of a page, and what its text says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_menu_has_the_ten_pages_in_their_order() -> None:
    assert [page.name for page in PAGES if page.in_menu] == TEN


@pytest.mark.parametrize("name", TEN)
async def test_every_page_has_a_twin_and_leads_to_it(dashboard: Dashboard, name: str) -> None:
    await register(dashboard.agent)
    page, twin = await dashboard.get(f"/{name}"), await dashboard.get(f"/{name}.json")
    assert (page.status, twin.status) == (200, 200)
    assert (page.headers["Content-Type"], twin.headers["Content-Type"]) == (
        "text/html; charset=utf-8",
        "application/json; charset=utf-8",
    )
    assert twin.json["schema"] == 1
    assert twin.json["page"] == name
    assert f"/{name}.json" in [link["href"] for link in Elements(page.text).all("a")]


@pytest.mark.parametrize("address", ["/timeline?filter=kind%3Asource&limit=1", "/?limit=1", "/explain/event%3A1?x=%26"])
async def test_the_link_to_the_twin_asks_for_what_the_page_shows(dashboard: Dashboard, address: str) -> None:
    await register(dashboard.agent)
    async with dashboard.client.get(URL(f"{dashboard.address}{address}", encoded=True)) as response:
        links = Elements(await response.text()).all("a")
    (twin,) = [link["href"] for link in links if ".json" in (link["href"] or "")]
    path, _, query = address.partition("?")
    assert twin == f"{path if path != '/' else '/timeline'}.json?{query}"
    async with dashboard.client.get(URL(f"{dashboard.address}{twin}", encoded=True)) as response:
        assert response.status == 200


@pytest.mark.parametrize("name", ["sources", "triggers", "reports", "network", "timeline"])
async def test_older_rows_are_asked_for_as_these_were(dashboard: Dashboard, name: str) -> None:
    """The other list of a page stays where it is, and so do length and filter; whatever an address holds."""
    for _ in range(3):
        await register(dashboard.agent)
    asked = {"limit": "1", "before_impression": "9", "state": "pending", "filter": "source", "x": "a&b \ud800"}
    if name != "reports":
        del asked["state"]
    query = urlencode({key: value.encode("utf-8", "surrogatepass") for key, value in asked.items()})
    async with dashboard.client.get(URL(f"{dashboard.address}/{name}?{query}", encoded=True)) as response:
        page = Elements(await response.text())
    (href,) = {link["href"] or "" for link in page.all("a") if link.get("rel") == "next"}
    leads = dict(parse_qsl(href.removeprefix("?")))
    assert {key: value for key, value in leads.items() if key in asked and key != "x"} == {
        key: value for key, value in asked.items() if key != "x"
    }
    assert leads["x"].startswith("a&b ")
    assert leads.keys() - asked.keys() <= {"before", "before_source", "before_trigger"}


@pytest.mark.parametrize("name", TEN)
async def test_every_page_marks_itself_in_the_menu_and_has_one_heading(dashboard: Dashboard, name: str) -> None:
    page = Elements((await dashboard.get(f"/{name}")).text)
    assert [link["href"] for link in page.all("a") if link.get("aria-current") == "page"] == [f"/{name}"]
    assert len(page.all("h1")) == 1
    assert page.all("html")[0]["lang"] == "en"


@pytest.mark.parametrize("name", TEN)
async def test_no_page_needs_the_network_or_has_script_within(dashboard: Dashboard, name: str) -> None:
    await register(dashboard.agent)
    page = Elements((await dashboard.get(f"/{name}")).text)
    loaded = [one.get("src") or one.get("href") for tag in ("script", "link", "img") for one in page.all(tag)]
    assert loaded
    assert all(address is not None and address.startswith("/static/") for address in loaded)
    assert not [tag for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)]
    assert not [tag for tag, attributes in page.tags if "style" in attributes or tag == "style"]


async def test_home_is_the_timeline(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    home, timeline = await dashboard.get("/"), await dashboard.get("/timeline")
    events = [one["id"] for one in Elements(home.text).all("details") if (one.get("id") or "").startswith("event-")]
    assert events == [
        one["id"] for one in Elements(timeline.text).all("details") if (one.get("id") or "").startswith("event-")
    ]
    assert events


async def everything(dashboard: Dashboard) -> dict[str, str]:
    """Every page by its address, an event's and a report's among them."""
    addresses = [f"/{name}" for name in TEN]
    addresses += ["/explain/last", "/explain/event:1"]
    if await dashboard.agent.reports.newest(limit=1):
        addresses.append("/reports/latest")
    answers = {address: await dashboard.get(address) for address in addresses}
    assert {answer.status for answer in answers.values()} == {200}
    return {address: answer.text for address, answer in answers.items()}


async def test_a_site_supplied_string_full_of_markup_is_shown_as_text(dashboard: Dashboard) -> None:
    agent = dashboard.agent
    check = Check(MARKUP, passed=False, detail=MARKUP, fix=MARKUP)
    data = {"url": MARKUP, "status": MARKUP}
    await agent.note(Event("conversion", agent.clock.now(), MARKUP, MARKUP, MARKUP, data, Trace((check,))))
    assert await agent.shared_storage.set("https://shop.test", MARKUP, MARKUP) is None
    await register(
        agent,
        source={"destination": "https://shop.test", "aggregation_keys": {MARKUP[:25]: "0x1"}},
        trigger={"filters": {MARKUP: [MARKUP]}, "event_trigger_data": [{}]},
    )
    pages = await everything(dashboard)
    pages["filter"] = (await dashboard.ask("GET", "/timeline", params={"filter": f"'{MARKUP[:20]}'"})).text
    pages["lab"] = (await dashboard.ask("GET", "/header-lab", params={"kind": "source", "value": MARKUP})).text
    pages["error"] = (await dashboard.ask("GET", "/reports", params={"state": MARKUP})).text
    pages["missing"] = (await dashboard.get("/explain/%3Cscript%3Ealert(1)%3C%2Fscript%3E")).text
    shown = 0
    for text in pages.values():
        page = Elements(text)
        assert all(script.get("src") == "/static/dashboard.js" for script in page.all("script"))
        assert not page.all("img")
        assert not [tag for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)]
        shown += "<script>" in page.said
    assert shown >= 6


async def test_strings_that_utf_8_cannot_hold_are_shown_all_the_same(dashboard: Dashboard) -> None:
    agent, torn = dashboard.agent, "torn \ud800 \0 end"
    data = {"url": torn, "said": torn}
    trace = Trace((Check("rule", passed=False, detail=torn),))
    await agent.note(Event("conversion", agent.clock.now(), "stored", "summary", "shop.test", data, trace))
    pages = await everything(dashboard)
    assert "torn \ufffd" in pages["/timeline"]
    twin = await dashboard.get("/timeline.json")
    assert json.loads(twin.text)["events"][0]["data"]["said"] == torn


async def test_a_wrong_address_says_what_is_wrong_and_what_to_do(dashboard: Dashboard) -> None:
    page, twin = await dashboard.get("/reports?state=lost"), await dashboard.get("/reports.json?state=lost")
    assert (page.status, twin.status) == (400, 400)
    error = twin.json["error"]
    assert error["what"] == "'lost' is unknown"
    assert "pending" in error["rule"]
    said = Elements(page.text).said
    assert error["what"] in said
    assert error["rule"] in said


@pytest.mark.parametrize("number", ["-1", "x", "1e3", "\u0661", "9" * 30])
async def test_a_number_that_is_none_is_refused(dashboard: Dashboard, number: str) -> None:
    for name in ("before", "limit"):
        assert (await dashboard.ask("GET", "/timeline.json", params={name: number})).status == 400


async def test_what_is_not_there_is_not_found(dashboard: Dashboard) -> None:
    for path in ("/nothing", "/static/..%2Fapp.py", "/static/missing.js", "/static/app.py"):
        assert (await dashboard.get(path)).status == 404
    for path in ("/explain/77", "/reports/abcdef", "/reports/latest"):
        assert (await dashboard.get(path)).status == 400


async def test_every_page_shows_the_clock_and_what_is_due(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    told = (await dashboard.get("/settings.json")).json["agent"]
    assert told["now"] == "2026-01-05T09:00:00+00:00"
    assert told["speed"] == 0
    assert told["pending"] == 2
    due = await dashboard.agent.reports.next_due()
    assert due is not None
    assert told["due_in"] == due - dashboard.agent.clock.now()


async def test_lists_and_times_are_shown_as_people_write_them(dashboard: Dashboard) -> None:
    options = {"histogramIndex": 1, "conversionSites": ["shop.test", "news.test"]}
    await dashboard.agent.save_impression(CURRENT, CallContext("news.test"), options)
    said = Elements((await dashboard.get("/sources")).text).said
    assert "shop.test, news.test" in said or "news.test, shop.test" in said
    assert "2026-01-05 09:00:00" in said
