"""What the seed's saveImpression throws at once, and the order of checks (open points O4, O8, O19, O20)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import Host
from tests.injected_js.idl import OPERATIONS, Operation, valid

pytestmark = pytest.mark.browser

CALL = "navigator.privateAttribution.saveImpression(argument)"
CONTEXT = "Failed to execute 'saveImpression' on 'PrivateAttribution': "


async def test_a_valid_impression_returns_undefined_and_awaits_nothing(shared_host: Host) -> None:
    options = {"histogramIndex": 1, "ad": "", "conversionSite": "shop.example", "lifetimeDays": 1}
    calls = await shared_host.sent(f"if ({CALL} !== undefined) throw 0;", options)
    assert calls == [{"id": 0, "api": "privateAttribution", "method": "saveImpression", "options": options}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"conversionSite": "com"}, ["TypeError", "Failed to read the 'ad' property"]),
        ({"ad": "", "conversionSite": "com", "lifetimeDays": 0}, ["TypeError", "Failed to read the 'histogramIndex'"]),
        (
            {"ad": "", "conversionSite": "com", "histogramIndex": 1, "lifetimeDays": 0},
            ["RangeError", "lifetimeDays must be greater than 0"],
        ),
        (
            {"ad": "", "conversionSite": "com", "histogramIndex": 1},
            ["DOMException SyntaxError", 'conversionSite: "com" is not a site (a host such as shop.example)'],
        ),
    ],
)
async def test_conversion_comes_before_ranges_and_ranges_before_sites(
    shared_host: Host, options: dict[str, Any], expected: list[str]
) -> None:
    before = len(shared_host.calls)
    how, name, message = await shared_host.thrown(CALL, options)
    assert [how, name] == ["thrown", expected[0]]
    assert message.startswith(CONTEXT + expected[1])
    assert await shared_host.sent("") == []
    assert len(shared_host.calls) == before + 1  # the fence of `sent` alone


@pytest.mark.parametrize("lifetime", [4294967296, 0.5, "0", None, [], "-0"])
async def test_a_lifetime_that_converts_to_0_is_refused(shared_host: Host, lifetime: object) -> None:
    options = {"ad": "", "conversionSite": "a.example", "histogramIndex": 1, "lifetimeDays": lifetime}
    thrown = await shared_host.thrown(CALL, options)
    assert thrown == ["thrown", "RangeError", f"{CONTEXT}lifetimeDays must be greater than 0"]


async def test_a_long_site_is_shown_cut(shared_host: Host) -> None:
    options = {"ad": "", "conversionSite": "x" * 5000, "histogramIndex": 1}
    _, _, message = await shared_host.thrown(CALL, options)
    assert message == f'{CONTEXT}conversionSite: "{"x" * 100}..." is not a site (a host such as shop.example)'


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.throws == "rejected"], ids=str)
@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"name": "RangeError", "message": "no", "dom": False}, "RangeError"),
        ({"name": "ReferenceError", "message": "no", "dom": False}, "ReferenceError"),
        ({"name": "TypeError", "message": "no", "dom": False}, "TypeError"),
        ({"name": "SyntaxError", "message": "no", "dom": True}, "DOMException SyntaxError"),
        ({"name": "NotAllowedError", "message": "no", "dom": True}, "DOMException NotAllowedError"),
    ],
)
async def test_the_hosts_refusal_rejects_with_its_exception(
    host: Host, operation: Operation, error: dict[str, Any], name: str
) -> None:
    host.answer = lambda _: {"error": error}
    thrown = await host.thrown(f"{operation.object}.{operation.name}(argument)", valid(operation))
    assert thrown == ["rejected", name, f"{operation.context}no"]
