"""What a person takes out of an agent by the dashboard: files, and answers in SQL."""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from agent.dashboard.openapi import openapi_document
from tests.dashboard.conftest import Dashboard, register

LINKS = {"/network": "/api/v1/export/har", "/settings": "/api/v1/export/bundle"}


async def test_everything_of_the_network_can_be_had_as_har(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    answer = await dashboard.get("/api/v1/export/har")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tallyhost.har"'
    log = answer.json["log"]
    assert log["version"] == "1.2"
    assert [entry["request"]["url"] for entry in log["entries"]] == ["https://adtech.test/s", "https://adtech.test/t"]


async def test_everything_of_the_run_can_be_had_as_a_bundle(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    async with dashboard.client.get(f"{dashboard.address}/api/v1/export/bundle") as response:
        content = await response.read()
    assert response.headers["Content-Disposition"] == 'attachment; filename="tallyhost-bundle.zip"'
    assert response.content_type == "application/zip"
    with ZipFile(BytesIO(content)) as bundle:
        names = {name.rpartition("/")[2] for name in bundle.namelist()}
        reports = json.loads(bundle.read("tallyhost-bundle/reports.json"))
    assert names == {"events.jsonl", "explain.txt", "network.har", "reports.json", "state.sqlite3", "story.json"}
    assert [report["id"] for report in reports] == [report.id for report in await dashboard.agent.reports.all()]


@pytest.mark.parametrize("file", ["har", "bundle"])
async def test_a_download_changes_nothing_and_leaves_no_file(
    dashboard: Dashboard, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await register(dashboard.agent)
    before = await dashboard.agent.events.all(), await dashboard.agent.reports.all()
    assert (await dashboard.client.get(f"{dashboard.address}/api/v1/export/{file}")).status == 200
    assert (await dashboard.agent.events.all(), await dashboard.agent.reports.all()) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["har", "bundle"])
async def test_a_download_takes_no_path_of_the_asker_and_is_not_for_other_pages(
    dashboard: Dashboard, file: str, tmp_path: Path
) -> None:
    path = f"/api/v1/export/{file}"
    assert (await dashboard.get(f"{path}?file={tmp_path / 'taken.zip'}")).status == 400
    assert list(tmp_path.iterdir()) == []
    assert (await dashboard.get(path, Origin="https://news.test")).status == 403
    assert (await dashboard.get(path, **{"Sec-Fetch-Site": "cross-site"})).status == 403


@pytest.mark.parametrize(("page", "address"), LINKS.items())
async def test_the_pages_offer_the_downloads(dashboard: Dashboard, page: str, address: str) -> None:
    assert f'<a href="{address}" download>' in (await dashboard.get(page)).text


def test_the_document_says_that_a_route_answers_with_a_file() -> None:
    paths = openapi_document()["paths"]
    assert set(paths["/api/v1/export/bundle"]["get"]["responses"]["200"]["content"]) == {"application/zip"}
    assert set(paths["/api/v1/export/har"]["get"]["responses"]["200"]["content"]) == {"application/json"}


async def test_what_is_stored_answers_in_sql(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    asked = {"sql": "SELECT kind FROM events ORDER BY id", "limit": "1"}
    answer = (await dashboard.ask("GET", "/api/v1/state/sql", params=asked)).json
    assert (answer["columns"], answer["rows"], answer["more"]) == (["kind"], [["source-registration"]], True)
    tables = (await dashboard.get("/api/v1/state/tables")).json["tables"]
    assert next(table["rows"] for table in tables if table["name"] == "events") == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"sql": "DELETE FROM events"},
        {"sql": "SELECT 1", "limit": "0"},
        {"sql": "SELECT 1", "limit": "100001"},
        {"sql": "SELECT 1", "seconds": "101"},
        {"sql": "SELECT nothing FROM nowhere"},
        {},
    ],
    ids=str,
)
async def test_sql_that_is_no_bounded_reading_is_refused(dashboard: Dashboard, asked: dict[str, str]) -> None:
    await register(dashboard.agent)
    answer = await dashboard.ask("GET", "/api/v1/state/sql", params=asked)
    assert answer.status == 400
    assert answer.json["error"]["what"]
    assert len(await dashboard.agent.events.all()) == 2
