"""Protected Audience in pages: what the host is told, and what is thrown (protected-audience section 1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

URN = "urn:uuid:6e0bd6a5-9a3f-4a6c-9d0b-111111111111"
JOIN = "Failed to execute 'joinAdInterestGroup' on 'Navigator': "
RUN = "Failed to execute 'runAdAuction' on 'Navigator': "
READ_GROUP = "Failed to read the '{}' property from 'AuctionAdInterestGroup': "
OF_GROUP = "for AuctionAdInterestGroup with owner 'https://buyer.test' and name 'shoes'"
READ_CONFIG = "Failed to read the '{}' property from 'AuctionAdConfig': "
GROUP = "owner: 'https://buyer.test', name: 'shoes'"
CONFIG = "seller: 'https://seller.test', decisionLogicURL: 'https://seller.test/d.js'"
NO_PROMISE = "Promise argument rejected or resolved to invalid value."


def auctions(urn: str | None = URN) -> Any:
    """A host whose auctions have this result."""
    return lambda call: {"urn": urn} if call["method"] == "runAdAuction" else {}


def asked(host: Host) -> list[dict[str, Any]]:
    return [call for call in host.calls if call["api"] == "protectedAudience"]


async def options_of(host: Host, expression: str) -> Any:
    """What the host is told of one call."""
    before = len(asked(host))
    await host.run(f"await {expression}")
    [call] = asked(host)[before:]
    return call["options"]


# Interest groups.


async def test_a_group_is_told_with_all_that_is_absent_as_null(host: Host) -> None:
    assert await options_of(host, f"navigator.joinAdInterestGroup({{{GROUP}, lifetimeMs: 5}})") == {
        "baseURL": "https://page.test/",
        "durationSeconds": None,
        "group": {
            "owner": "https://buyer.test",
            "name": "shoes",
            "lifetimeMs": 5,
            "priority": None,
            "enableBiddingSignalsPrioritization": False,
            "executionMode": None,
            "biddingLogicURL": None,
            "biddingWasmHelperURL": None,
            "updateURL": None,
            "trustedBiddingSignalsURL": None,
            "trustedBiddingSignalsKeys": None,
            "trustedBiddingSignalsSlotSizeMode": None,
            "userBiddingSignals": None,
            "ads": None,
            "adComponents": None,
            "privateAggregationConfig": None,
        },
    }


async def test_signals_and_metadata_are_told_as_json_and_urls_as_they_are(host: Host) -> None:
    told = await options_of(
        host,
        f"""navigator.joinAdInterestGroup({{{GROUP}, biddingLogicURL: 'bid.js', userBiddingSignals: {{ bid: 3 }},
            trustedBiddingSignalsKeys: new Set(['k1', 'k2']), privateAggregationConfig: {{}},
            ads: [{{ renderURL: 'https://buyer.test/a', metadata: [1] }},
              {{ renderUrl: 'b', adRenderId: 'x' }}] }}, 60)""",
    )
    assert told["durationSeconds"] == 60
    group = told["group"]
    assert (group["biddingLogicURL"], group["userBiddingSignals"]) == ("bid.js", '{"bid":3}')
    assert group["trustedBiddingSignalsKeys"] == ["k1", "k2"]
    assert group["privateAggregationConfig"] == {"aggregationCoordinatorOrigin": None}
    assert group["ads"] == [
        {"renderURL": "https://buyer.test/a", "metadata": "[1]", "adRenderId": None},
        {"renderURL": "b", "metadata": None, "adRenderId": "x"},
    ]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "1 argument required, but only 0 present."),
        ("1", "The provided value is not of type 'AuctionAdInterestGroup'."),
        ("{}", READ_GROUP.format("name") + "Required member is undefined."),
        (
            "{name: 'x'}",
            READ_GROUP.format("owner") + "Required member is undefined.",
        ),
        (
            f"{{{GROUP}, priority: NaN}}",
            READ_GROUP.format("priority") + "The provided double value is non-finite.",
        ),
        (
            f"{{{GROUP}, userBiddingSignals: () => 1}}",
            f"userBiddingSignals {OF_GROUP} must be a JSON-serializable object.",
        ),
    ],
)
async def test_a_group_that_web_idl_refuses_is_rejected_in_the_page(
    shared_host: Host, argument: str, message: str
) -> None:
    thrown = await shared_host.thrown(f"navigator.joinAdInterestGroup({argument})")
    assert thrown == ["rejected", "TypeError", JOIN + message]


async def test_what_the_host_refuses_is_thrown_with_its_own_words(host: Host) -> None:
    host.answer = lambda _: {"error": {"name": "TypeError", "message": "its words", "dom": False}}
    assert await host.thrown(f"navigator.joinAdInterestGroup({{{GROUP}}})") == ["rejected", "TypeError", "its words"]


async def test_groups_are_left_by_key_and_in_an_ad_without_one(host: Host) -> None:
    assert await options_of(host, f"navigator.leaveAdInterestGroup({{{GROUP}}})") == {
        "owner": "https://buyer.test",
        "name": "shoes",
    }
    assert await options_of(host, "navigator.leaveAdInterestGroup()") == {"owner": None, "name": None}
    cleared = await options_of(host, "navigator.clearOriginJoinedAdInterestGroups('https://buyer.test', ['shoes'])")
    assert cleared == {"owner": "https://buyer.test", "keep": ["shoes"]}


async def test_permissions_policy_refuses_by_feature(host: Host) -> None:
    statement = '{"withoutFeatures":["join-ad-interest-group","run-ad-auction"]}'
    await host.evaluate(f"{host.config.resolver}(0, '{statement}')")
    for expression, context, feature in (
        (f"navigator.joinAdInterestGroup({{{GROUP}}})", JOIN, "join-ad-interest-group"),
        (f"navigator.runAdAuction({{{CONFIG}}})", RUN, "run-ad-auction"),
    ):
        message = f"{context}Feature {feature} is not enabled by Permissions Policy"
        assert await host.thrown(expression) == ["rejected", "DOMException NotAllowedError", message]


# Auctions.


async def test_an_auction_is_told_once_all_promises_of_its_config_are_fulfilled(host: Host) -> None:
    host.answer = auctions(None)
    told = await options_of(
        host,
        f"""navigator.runAdAuction({{{CONFIG}, interestGroupBuyers: ['https://buyer.test'],
            auctionSignals: Promise.resolve({{ a: 1 }}), sellerSignals: null, sellerTimeout: -1,
            perBuyerSignals: Promise.resolve({{ 'https://buyer.test': [2] }}), perBuyerTimeouts: {{ '*': 50.5 }},
            perBuyerGroupLimits: {{ '*': 65537 }} }})""",
    )
    assert told == {
        "auction": 1,
        "baseURL": "https://page.test/",
        "config": {
            "seller": "https://seller.test",
            "decisionLogicURL": "https://seller.test/d.js",
            "trustedScoringSignalsURL": None,
            "interestGroupBuyers": ["https://buyer.test"],
            "auctionSignals": '{"a":1}',
            "sellerSignals": None,
            "perBuyerSignals": {"https://buyer.test": "[2]"},
            "sellerTimeout": 18446744073709552000,  # 2^64 - 1, as JSON writes the Number nearest to it
            "reportingTimeout": None,
            "perBuyerTimeouts": {"*": 50},
            "perBuyerGroupLimits": {"*": 1},
            "privateAggregationConfig": None,
            "componentAuctions": 0,
        },
    }


@pytest.mark.parametrize(
    ("config", "urn", "result"),
    [
        (CONFIG, URN, URN),
        (CONFIG, None, "null"),
        (f"{CONFIG}, resolveToConfig: true", URN, "[object FencedFrameConfig]"),
        (f"{CONFIG}, resolveToConfig: Promise.resolve(false)", URN, URN),
    ],
)
async def test_an_auction_resolves_to_a_urn_a_config_or_null(
    host: Host, config: str, urn: str | None, result: str
) -> None:
    host.answer = auctions(urn)
    assert await host.run(f"return String(await navigator.runAdAuction({{{config}}}))") == result


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", RUN + "1 argument required, but only 0 present."),
        ("{}", RUN + READ_CONFIG.format("seller") + "Required member is undefined."),
        (
            f"{{{CONFIG}, interestGroupBuyers: 'x'}}",
            RUN + READ_CONFIG.format("interestGroupBuyers") + "The provided value cannot be converted to a sequence.",
        ),
        (
            f"{{{CONFIG}, signal: 1}}",
            RUN + READ_CONFIG.format("signal") + "Failed to convert value to 'AbortSignal'.",
        ),
        (f"{{{CONFIG}, auctionSignals: () => 1}}", NO_PROMISE),
        (f"{{{CONFIG}, perBuyerTimeouts: Promise.reject(1)}}", NO_PROMISE),
    ],
)
async def test_a_config_that_web_idl_refuses_is_rejected_in_the_page(
    shared_host: Host, argument: str, message: str
) -> None:
    assert await shared_host.thrown(f"navigator.runAdAuction({argument})") == ["rejected", "TypeError", message]


async def test_an_aborted_signal_rejects_with_its_reason_and_tells_the_host(host: Host) -> None:
    host.answer = lambda _: None
    facts = await host.run(
        f"""const before = new AbortController(), later = new AbortController();
        before.abort('why');
        const reasons = [await navigator.runAdAuction({{{CONFIG}, signal: before.signal}}).catch((e) => e)];
        const running = navigator.runAdAuction({{{CONFIG}, signal: later.signal}}).catch((e) => [e.name, e.message]);
        await 0; await 0; await 0;
        later.abort();
        reasons.push(await running);
        return reasons;"""
    )
    assert facts == ["why", ["AbortError", "signal is aborted without reason"]]
    assert [(call["method"], call["options"]["auction"]) for call in asked(host)] == [
        ("runAdAuction", 1),
        ("abortAuction", 1),
    ]


async def test_a_urn_is_told_only_where_it_is_one(host: Host) -> None:
    host.answer = lambda _: {"url": "https://buyer.test/ad"}
    assert await host.run(f"return navigator.deprecatedURNToURL('{URN}')") == "https://buyer.test/ad"
    message = "Failed to execute 'deprecatedURNToURL' on 'Navigator': Passed URL must be a valid URN URL."
    assert await host.thrown("navigator.deprecatedURNToURL('https://x.test/')") == ["rejected", "TypeError", message]


# What pages can see of the interface.


async def test_methods_stay_the_native_ones_in_place_and_shape(shared_host: Host) -> None:
    facts = await shared_host.run(
        """const shape = (name) => [typeof navigator[name], navigator[name].name, navigator[name].length];
        return ['joinAdInterestGroup', 'leaveAdInterestGroup', 'runAdAuction'].map(shape)"""
    )
    assert facts == [
        ["function", "joinAdInterestGroup", 1],
        ["function", "leaveAdInterestGroup", 0],
        ["function", "runAdAuction", 1],
    ]
    refused = await shared_host.thrown("navigator.joinAdInterestGroup.call({}, {})")
    assert refused == ["rejected", "TypeError", JOIN + "Illegal invocation"]


async def test_features_are_those_of_chromium_143(shared_host: Host) -> None:
    features = await shared_host.run("return navigator.protectedAudience.queryFeatureSupport('*')")
    assert features["adComponentsLimit"] == 40  # as an auction's browserSignals say
    assert await shared_host.run("return navigator.protectedAudience.queryFeatureSupport('adComponentsLimit')") == 40
    assert await shared_host.run("return navigator.canLoadAdAuctionFencedFrame()") is True


async def test_insecure_pages_have_none_of_it(new_host: NewHost) -> None:
    host = await new_host("http://page.test/")
    assert await host.run("return typeof navigator.joinAdInterestGroup") == "undefined"


async def test_an_event_of_an_ad_is_told_by_name(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fence":true}}')""")
    await host.run("fence.reportEvent('click'); fence.reportEvent({ eventType: 'x', destination: ['buyer'] });")
    assert [call["options"] for call in asked(host)] == [{"event": "click"}]


# Hostile pages.


async def test_replaced_builtins_are_not_met(host: Host) -> None:
    host.answer = auctions()
    await host.evaluate(
        """{ const broken = () => { throw new Error('met') };
        for (const name of ['urn', 'url', 'error', 'config', 'auction']) {
          Object.defineProperty(Object.prototype, name, { set: broken, configurable: true });
        }
        Promise.resolve = JSON.stringify = Object.keys = Reflect.apply = Array.prototype.push = broken;
        Array.prototype[Symbol.iterator] = AbortSignal.prototype.addEventListener = Promise.prototype.then = broken;
        }"""
    )
    await host.evaluate(
        f"""void (async () => {{
          try {{ globalThis.result = await navigator.runAdAuction({{{CONFIG}, signal: new AbortController().signal}}) }}
          catch (error) {{ globalThis.result = error.message }}
        }})()"""
    )
    async with asyncio.timeout(10):
        while (result := await host.evaluate("globalThis.result")) is None:
            await asyncio.sleep(0.02)
    assert result == URN


async def test_the_host_is_told_of_what_the_page_refused(host: Host) -> None:
    await host.thrown("navigator.joinAdInterestGroup({})")
    [refusal] = host.refusals
    assert (refusal["api"], refusal["method"], refusal["refused"]["name"]) == (
        "protectedAudience",
        "joinAdInterestGroup",
        "TypeError",
    )
