"""What ``run`` and ``selectURL`` are called with (shared-storage section 5, private-aggregation section 2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

DATA_ERROR = "DOMException DataError"
SYNTAX_ERROR = "DOMException SyntaxError"
RUN = "Failed to execute 'run' on 'SharedStorageWorklet': "
SELECT = "Failed to execute 'selectURL' on 'SharedStorageWorklet': "
OPTIONS = "property from 'SharedStorageRunOperationMethodOptions': "
CONFIG = "property from 'SharedStoragePrivateAggregationConfig': "
URL_DICTIONARY = "property from 'SharedStorageUrlWithMetadata': "
OF_CONFIG = f"{RUN}Failed to read the 'privateAggregationConfig' {OPTIONS}"
OF_BYTES = f"{OF_CONFIG}Failed to read the 'filteringIdMaxBytes' {CONFIG}"
RANGE = "outside the 'unsigned long long' value range."
COORDINATOR = "https://publickeyservice.msmt.gcp.privacysandboxservices.com"
DEFAULT = {
    "contextId": None,
    "filteringIdMaxBytes": 1,
    "aggregationCoordinatorOrigin": None,
    "maxContributions": None,
}


@pytest.fixture(scope="module")
async def host(shared_host: Host) -> Host:
    await shared_host.run("window.worklet = await sharedStorage.createWorklet('/w.js')")
    return shared_host


async def told(host: Host, call: str) -> dict[str, Any]:
    """What the host is told of a call that is accepted."""
    assert await host.thrown(call) is None
    options: dict[str, Any] = host.calls[-1]["options"]
    return options


@pytest.mark.parametrize(
    ("config", "is_told"),
    [
        ("undefined", {}),
        ("null", {}),
        ("{}", {}),
        ("() => 1", {}),
        ("{ contextId: 'x'.repeat(64) }", {"contextId": "x" * 64}),
        ("{ contextId: '' }", {"contextId": ""}),
        ("{ contextId: 5 }", {"contextId": "5"}),
        ("{ contextId: 'é'.repeat(32) }", {"contextId": "é" * 32}),
        ("{ contextId: '😀'.repeat(16) }", {"contextId": "😀" * 16}),
        ("{ contextId: '\\ud800' }", {"contextId": "\ufffd"}),
        ("{ filteringIdMaxBytes: 8 }", {"filteringIdMaxBytes": 8}),
        ("{ filteringIdMaxBytes: '2' }", {"filteringIdMaxBytes": 2}),
        ("{ filteringIdMaxBytes: 1.9 }", {"filteringIdMaxBytes": 1}),
        ("{ maxContributions: 5000 }", {"maxContributions": 5000}),
        (f"{{ aggregationCoordinatorOrigin: '{COORDINATOR}/path' }}", {"aggregationCoordinatorOrigin": COORDINATOR}),
    ],
)
async def test_a_config_is_told(host: Host, config: str, is_told: dict[str, Any]) -> None:
    options = await told(host, f"worklet.run('a', {{ keepAlive: true, privateAggregationConfig: {config} }})")
    assert options["config"] == {**DEFAULT, **is_told}


@pytest.mark.parametrize(
    ("config", "name", "message"),
    [
        ("{ contextId: 'x'.repeat(65) }", DATA_ERROR, "contextId length cannot be larger than 64"),
        ("{ contextId: 'é'.repeat(33) }", DATA_ERROR, "contextId length cannot be larger than 64"),
        ("{ contextId: '€'.repeat(22) }", DATA_ERROR, "contextId length cannot be larger than 64"),
        ("{ contextId: '😀'.repeat(17) }", DATA_ERROR, "contextId length cannot be larger than 64"),
        ("{ filteringIdMaxBytes: 0 }", DATA_ERROR, "filteringIdMaxBytes must be positive"),
        ("{ filteringIdMaxBytes: 0.5 }", DATA_ERROR, "filteringIdMaxBytes must be positive"),
        ("{ filteringIdMaxBytes: 9 }", DATA_ERROR, "filteringIdMaxBytes is too big"),
        ("{ filteringIdMaxBytes: -1 }", "TypeError", f"{OF_BYTES}Value is {RANGE}"),
        ("{ filteringIdMaxBytes: 2 ** 53 }", "TypeError", f"{OF_BYTES}Value is {RANGE}"),
        ("{ filteringIdMaxBytes: 1n }", "TypeError", f"{OF_BYTES}Cannot convert a BigInt value to a number"),
        ("{ maxContributions: 0 }", DATA_ERROR, "maxContributions must be positive"),
        (
            "{ aggregationCoordinatorOrigin: 'nope' }",
            SYNTAX_ERROR,
            "aggregationCoordinatorOrigin must be a valid origin",
        ),
        (
            "{ aggregationCoordinatorOrigin: 'data:,x' }",
            SYNTAX_ERROR,
            "aggregationCoordinatorOrigin must be a valid origin",
        ),
        (
            "{ aggregationCoordinatorOrigin: 'https://nope.test' }",
            DATA_ERROR,
            "aggregationCoordinatorOrigin must be on the allowlist",
        ),
        (
            "3",
            "TypeError",
            f"{OF_CONFIG}The provided value is not of type 'SharedStoragePrivateAggregationConfig'.",
        ),
        # The checks have an order.
        (
            "{ contextId: 'x'.repeat(65), aggregationCoordinatorOrigin: 'nope', filteringIdMaxBytes: 0 }",
            DATA_ERROR,
            "contextId length cannot be larger than 64",
        ),
        (
            "{ aggregationCoordinatorOrigin: 'nope', filteringIdMaxBytes: 0, maxContributions: 0 }",
            SYNTAX_ERROR,
            "aggregationCoordinatorOrigin must be a valid origin",
        ),
        ("{ filteringIdMaxBytes: 0, maxContributions: 0 }", DATA_ERROR, "filteringIdMaxBytes must be positive"),
    ],
)
async def test_a_config_is_refused(host: Host, config: str, name: str, message: str) -> None:
    thrown = await host.thrown(f"worklet.run('a', {{ keepAlive: true, privateAggregationConfig: {config} }})")
    assert thrown == ["rejected", name, message]


async def test_numbers_that_are_none_are_refused_in_the_words_of_other_interfaces(host: Host) -> None:
    for value in ("NaN", "Infinity", "-Infinity"):
        config = f"{{ filteringIdMaxBytes: {value} }}"
        ours = await host.thrown(f"worklet.run('a', {{ keepAlive: true, privateAggregationConfig: {config} }})")
        native = await host.thrown(f"indexedDB.open('x', {value})")
        assert ours[2].removeprefix(OF_BYTES) == native[2].removeprefix("Failed to execute 'open' on 'IDBFactory': ")


async def test_a_coordinator_is_one_of_the_settings(new_host: NewHost) -> None:
    host = await new_host(coordinators=("https://mine.test",))
    config = "{ keepAlive: true, privateAggregationConfig: { aggregationCoordinatorOrigin: 'https://mine.test' } }"
    script = "sharedStorage.createWorklet('/w.js').then((worklet) => worklet.run('a', %s))"
    assert await host.thrown(script % config) is None
    assert (await host.thrown(script % config.replace("https://mine.test", COORDINATOR)))[1] == DATA_ERROR


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("worklet.run()", "TypeError", f"{RUN}1 argument required, but only 0 present."),
        ("worklet.run(Symbol())", "TypeError", f"{RUN}Cannot convert a Symbol value to a string"),
        (
            "worklet.run('a', 3)",
            "TypeError",
            f"{RUN}The provided value is not of type 'SharedStorageRunOperationMethodOptions'.",
        ),
        (
            "worklet.run('a', { data: 's' })",
            "TypeError",
            f"{RUN}Failed to read the 'data' {OPTIONS}Failed to convert value to 'object'.",
        ),
        (
            "worklet.run('a', { data: null })",
            "TypeError",
            f"{RUN}Failed to read the 'data' {OPTIONS}Failed to convert value to 'object'.",
        ),
        ("worklet.selectURL('a')", "TypeError", f"{SELECT}2 arguments required, but only 1 present."),
        ("worklet.selectURL('a', 5)", "TypeError", f"{SELECT}The provided value cannot be converted to a sequence."),
        (
            "worklet.selectURL('a', ['/1'])",
            "TypeError",
            f"{SELECT}The provided value is not of type 'SharedStorageUrlWithMetadata'.",
        ),
        (
            "worklet.selectURL('a', [null])",
            "TypeError",
            f"{SELECT}Failed to read the 'url' {URL_DICTIONARY}Required member is undefined.",
        ),
        (
            "worklet.selectURL('a', [{ url: '/1', reportingMetadata: 5 }])",
            "TypeError",
            f"{SELECT}Failed to read the 'reportingMetadata' {URL_DICTIONARY}Failed to convert value to 'object'.",
        ),
        ("worklet.selectURL('a', [])", DATA_ERROR, 'Length of the "urls" parameter is not valid.'),
        (
            "worklet.selectURL('a', Array(9).fill({ url: '/1' }))",
            DATA_ERROR,
            'Length of the "urls" parameter is not valid.',
        ),
        ("worklet.selectURL('a', [{ url: 'http://[x' }])", DATA_ERROR, 'The url "http://[x" is invalid.'),
        (
            "worklet.selectURL('a', [{ url: '/1', reportingMetadata: {} }])",
            DATA_ERROR,
            "selectURL could not get reportingMetadata object attributes",
        ),
        (
            "worklet.selectURL('a', [{ url: '/1', reportingMetadata: { click: 5 } }])",
            DATA_ERROR,
            "selectURL reportingMetadata object attributes must be strings",
        ),
        (
            "worklet.selectURL('a', [{ url: '/1' }, { url: '/2', reportingMetadata: { click: 'http://x/' } }])",
            DATA_ERROR,
            'The metadata for the url at index 1 has an invalid or non-HTTPS report_url parameter "http://x/".',
        ),
    ],
)
async def test_a_call_is_refused_in_the_words_of_143(host: Host, call: str, name: str, message: str) -> None:
    assert await host.thrown(call) == ["rejected", name, message]


async def test_members_are_read_in_the_order_of_web_idl(host: Host) -> None:
    read = await host.run(
        """const read = [];
        const spy = (values) => new Proxy(values, { get(target, key) { read.push(key); return target[key]; } });
        await worklet.run("a", spy({ keepAlive: true, privateAggregationConfig: spy({}) }));
        return read;"""
    )
    config = ["aggregationCoordinatorOrigin", "contextId", "filteringIdMaxBytes", "maxContributions"]
    assert read == ["data", "keepAlive", "privateAggregationConfig", *config, "resolveToConfig", "savedQuery"]


async def test_eight_urls_are_taken_with_their_fragments(host: Host) -> None:
    urls = "Array.from({ length: 8 }, (_, i) => ({ url: `/u?${i}#f` }))"
    options = await told(host, f"worklet.selectURL('a', {urls}, {{ keepAlive: true }})")
    assert [one["url"] for one in options["urls"]] == [f"https://page.test/u?{index}#f" for index in range(8)]
