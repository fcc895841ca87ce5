"""A call that ends in the page is told to the host, and the page cannot tell that it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost
from tests.injected_js.idl import OPERATIONS, Operation, valid

pytestmark = pytest.mark.browser

SAVE_SEED = "navigator.privateAttribution.saveImpression(argument)"
MEASURE_SEED = "navigator.privateAttribution.measureConversion(argument)"


async def _refusals(host: Host, expression: str, argument: object = None) -> tuple[Any, list[dict[str, Any]]]:
    """What the page sees thrown by ``expression``, and what the host is told of it."""
    before = len(host.refusals)
    thrown = await host.thrown(expression, argument)
    assert await host.sent("") == [], "a refused call was sent"
    return thrown, host.refusals[before:]


def _told(operation: Operation, name: str, message: str) -> dict[str, Any]:
    api = operation.object.removeprefix("navigator.")
    return {"id": 0, "api": api, "method": operation.name, "refused": {"name": name, "message": message}}


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_the_host_is_told_what_the_page_sees_of_a_failed_conversion(
    shared_host: Host, operation: Operation
) -> None:
    first = min(member.name for member in operation.members if member.required)
    missing = f"Failed to read the '{first}' property from '{operation.dictionary}': Required member is undefined."
    for given, message in {
        "": "1 argument required, but only 0 present.",
        "1": f"The provided value is not of type '{operation.dictionary}'.",
        "{}": missing,
    }.items():
        thrown, told = await _refusals(shared_host, f"{operation.object}.{operation.name}({given})")
        assert thrown == [operation.throws, "TypeError", operation.context + message]
        assert told == [_told(operation, "TypeError", message)]


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        ({"lifetimeDays": 0}, "RangeError", "lifetimeDays must be greater than 0"),
        ({"conversionSite": "com"}, "SyntaxError", 'conversionSite: "com" is not a site (a host such as shop.example)'),
    ],
)
async def test_the_host_is_told_what_the_seeds_save_impression_throws(
    shared_host: Host, options: dict[str, object], name: str, message: str
) -> None:
    (operation,) = [o for o in OPERATIONS if str(o) == "PrivateAttribution.saveImpression"]
    _, told = await _refusals(shared_host, SAVE_SEED, valid(operation) | options)
    assert told == [_told(operation, name, message)]


async def test_the_host_is_told_500_characters_and_the_page_all(shared_host: Host) -> None:
    before = "Failed to read the 'logic' property from 'PrivateAttributionConversionOptions': The provided value '"
    after = "' is not a valid enum value of type PrivateAttributionLogic."
    options = {"aggregator": "a", "histogramSize": 1, "logic": "x" * 5000}
    thrown, told = await _refusals(shared_host, MEASURE_SEED, options)
    assert thrown[2].endswith(before + "x" * 5000 + after)
    assert [one["refused"]["message"] for one in told] == [before + "x" * (500 - len(before))]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_what_code_of_the_page_throws_is_told_without_a_look_at_it(
    shared_host: Host, operation: Operation
) -> None:
    before = len(shared_host.refusals)
    looked = await shared_host.run(
        f"""
        const looked = [];
        const traps = {{}};
        for (const trap of Object.getOwnPropertyNames(Reflect)) {{
          traps[trap] = () => {{ looked.push(trap); return null; }};
        }}
        const boom = new Proxy(() => 0, traps);
        const refuse = async () => {operation.object}.{operation.name}(new Proxy({{}}, {{ get() {{ throw boom; }} }}));
        await refuse().then(() => looked.push("resolved"), (thrown) => thrown === boom || looked.push("changed"));
        return looked;
        """
    )
    assert looked == []
    assert await shared_host.sent("") == []
    message = "code of the page threw while the options were read"
    assert shared_host.refusals[before:] == [_told(operation, "exception", message)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("receiver", ["undefined", "{}", "navigator", "Navigator.prototype"])
async def test_a_receiver_that_is_no_object_of_the_interface_is_not_told(
    shared_host: Host, operation: Operation, receiver: str
) -> None:
    thrown, told = await _refusals(shared_host, f"{operation.object}.{operation.name}.call({receiver}, {{}})")
    assert thrown[:2] == [operation.throws, "TypeError"]
    assert thrown[2].endswith("Illegal invocation")
    assert told == []


@pytest.mark.parametrize("member", ["get", "has", "forEach"])
async def test_members_that_ask_nothing_of_the_host_are_not_told(shared_host: Host, member: str) -> None:
    thrown, told = await _refusals(shared_host, f"navigator.attribution.aggregationServices.{member}()")
    assert thrown[:2] == ["thrown", "TypeError"]
    assert told == []


async def test_a_refusal_keeps_its_place_among_the_calls(host: Host) -> None:
    order: list[str] = []
    host.session.on(
        "Runtime.bindingCalled", lambda event: order.append("refused" if "refused" in event["payload"] else "call")
    )
    await host.sent(
        """
        const { attribution } = navigator;
        attribution.saveImpression({ histogramIndex: 1 });
        attribution.saveImpression({}).catch(() => 0);
        attribution.saveImpression({ histogramIndex: 2 });
        """
    )
    assert order == ["call", "refused", "call", "call"], "the last is the fence of `sent`"


async def test_a_refusal_in_another_realm_is_told_by_the_realm_of_the_object(host: Host) -> None:
    contexts: list[int] = []
    host.session.on("Runtime.bindingCalled", lambda event: contexts.append(event["executionContextId"]))
    await host.sent(
        """
        const frame = document.createElement("iframe");
        document.body.append(frame);
        const theirs = frame.contentWindow.navigator.attribution;
        await navigator.attribution.saveImpression.call(theirs, {}).catch(() => 0);
        await theirs.saveImpression({ histogramIndex: 1 });
        """
    )
    assert len(host.refusals) == 1
    refused, called, fence = contexts
    assert refused == called != fence


async def test_a_refusal_that_cannot_be_told_is_the_same_to_the_page(new_host: NewHost) -> None:
    """These popups have no way to the host."""
    host = await new_host(everywhere=True)
    thrown = await host.thrown("(window.popup = open()).navigator.privateAttribution.saveImpression()")
    context = "Failed to execute 'saveImpression' on 'PrivateAttribution': "
    assert thrown == ["thrown", "TypeError", f"{context}1 argument required, but only 0 present."]
    thrown = await host.thrown("popup.navigator.attribution.saveImpression({})")
    assert thrown[:2] == ["rejected", "TypeError"]
    assert thrown[2].endswith("'AttributionImpressionOptions': Required member is undefined.")
