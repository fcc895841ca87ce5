"""``sharedStorageWritable`` of fetch and Request (shared-storage section 9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost
from tests.injected_js.registering import Registering

pytestmark = pytest.mark.browser

OPAQUE = "sharedStorageWritable: sharedStorage operations are not available for opaque origins."
INSECURE = "sharedStorageWritable: sharedStorage operations are only available in secure contexts."


@pytest.fixture(scope="module")
async def one_page(shared_host: Host) -> Registering:
    return Registering(shared_host)


@pytest.fixture
async def page(one_page: Registering) -> Registering:
    await one_page.reopen()
    return one_page


def announced(page: Registering) -> list[tuple[str, str, dict[str, Any]]]:
    """API, method and options of what the page announced."""
    return [(call["api"], call["method"], call["options"]) for call in page.host.calls]


@pytest.mark.parametrize(
    "how",
    [
        "await fetch('/u#f', { sharedStorageWritable: argument })",
        "await fetch('/u', { sharedStorageWritable: argument, mode: 'no-cors', headers: { Accept: 'x/y' } })",
        "await fetch(new Request('/u', { sharedStorageWritable: argument }))",
        "await fetch(new Request('/u', { sharedStorageWritable: argument }).clone())",
        "await fetch(new Request(new Request('/u', { sharedStorageWritable: argument }), { cache: 'no-store' }))",
        "await fetch(new Request('/u', { sharedStorageWritable: !argument }), { sharedStorageWritable: argument })",
    ],
)
async def test_a_request_that_may_write_is_announced(page: Registering, how: str) -> None:
    await page.run(how, True)
    ((api, method, options),) = announced(page)
    assert (api, method, options["url"]) == ("sharedStorage", "request", "https://page.test/u")
    request = await page.one_sent("https://page.test/u")
    accept = (await request.all_headers())["accept"]
    assert accept.endswith(f"*/*;{page.host.config.accept_parameter}={options['token']}")
    assert options["token"][-1] == "s"


@pytest.mark.parametrize("value", [False, None, 0, ""])
async def test_a_request_that_may_not_is_an_ordinary_one(page: Registering, value: object) -> None:
    await page.run("await fetch(new Request('/u', { sharedStorageWritable: argument }))", value)
    assert announced(page) == []
    assert (await (await page.one_sent("https://page.test/u")).all_headers())["accept"] == "*/*"


@pytest.mark.parametrize(
    ("source", "trigger", "eligibility", "ending"),
    [
        (False, False, "empty", "A"),
        (False, True, "trigger", "B"),
        (True, False, "event-source", "C"),
        (True, True, "event-source-or-trigger", "D"),
    ],
)
async def test_with_attribution_reporting_there_is_one_announcement(
    page: Registering, source: bool, trigger: bool, eligibility: str, ending: str
) -> None:
    options = {"eventSourceEligible": source, "triggerEligible": trigger}
    await page.run("await fetch('/u', { attributionReporting: argument, sharedStorageWritable: true })", options)
    ((api, method, told),) = announced(page)
    assert (api, method) == ("attributionReporting", "request")
    assert told == {
        "token": told["token"],
        "kind": "fetch",
        "url": "https://page.test/u",
        "eligibility": eligibility,
        "sharedStorageWritable": True,
    }
    assert told["token"][-1] == ending


@pytest.mark.parametrize(
    ("call", "how", "context"),
    [
        ("fetch('data:,x', { sharedStorageWritable: true })", "rejected", "Failed to execute 'fetch' on 'Window': "),
        (
            "new Request('data:,x', { sharedStorageWritable: false })",
            "thrown",
            "Failed to construct 'Request': ",
        ),
    ],
)
async def test_an_opaque_url_is_refused(page: Registering, call: str, how: str, context: str) -> None:
    assert await page.host.thrown(call) == [how, "TypeError", context + OPAQUE]


async def test_outside_of_secure_contexts_it_is_refused(new_host: NewHost) -> None:
    host = await new_host("http://page.test/")
    fetched = ["rejected", "TypeError", f"Failed to execute 'fetch' on 'Window': {INSECURE}"]
    assert await host.thrown("fetch('/u', { sharedStorageWritable: true })") == fetched
    made = ["thrown", "TypeError", f"Failed to construct 'Request': {INSECURE}"]
    assert await host.thrown("new Request('/u', { sharedStorageWritable: true })") == made
