from __future__ import annotations

import json

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

OURS = "attribution-reporting"
ADDED = [
    OURS,
    "join-ad-interest-group",
    "private-aggregation",
    "run-ad-auction",
    "shared-storage",
    "shared-storage-select-url",
]
FACTS = """
    const policy = document.featurePolicy;
    return argument.map((name) => [policy.features(), policy.allowedFeatures()].map((names) => names.includes(name))
      .concat(policy.allowsFeature(name), policy.getAllowlistForFeature(name).join()));
    """


async def test_the_features_of_chromium_143_are_known_and_allowed_by_default(shared_host: Host) -> None:
    assert await shared_host.run(FACTS, ADDED) == [[True, True, True, "*"]] * len(ADDED)


async def test_each_feature_is_listed_once_beside_those_of_the_browser(shared_host: Host) -> None:
    names = await shared_host.run("return document.featurePolicy.features()")
    assert len(names) == len(set(names))
    assert {"camera", "fullscreen", *ADDED} <= set(names)


async def test_the_host_says_which_features_are_forbidden_and_whom_others_are_allowed_for(new_host: NewHost) -> None:
    host = await new_host()
    lists = {
        OURS: [],
        "shared-storage": ["https://page.test", "https://ads.test"],
        "run-ad-auction": ["https://a.test"],
    }
    statement = json.dumps({"withoutFeatures": [OURS, "run-ad-auction"], "featureAllowlists": lists})
    await host.evaluate(f"{host.config.resolver}(0, {json.dumps(statement)}), 0")
    assert await host.run(FACTS, [*lists, "private-aggregation"]) == [
        [True, False, False, ""],
        [True, True, True, "https://page.test,https://ads.test"],
        [True, False, False, "https://a.test"],
        [True, True, True, "*"],
    ]


async def test_a_list_that_a_page_was_given_is_its_own(new_host: NewHost) -> None:
    host = await new_host()
    statement = json.dumps({"withoutFeatures": [], "featureAllowlists": {OURS: ["https://page.test"]}})
    await host.evaluate(f"{host.config.resolver}(0, {json.dumps(statement)}), 0")
    told = "const list = () => document.featurePolicy.getAllowlistForFeature(argument);"
    assert await host.run(f"{told} list().push('more'); return list()", OURS) == ["https://page.test"]


async def test_other_features_are_the_browsers_affair(shared_host: Host) -> None:
    assert await shared_host.run(FACTS, ["fullscreen", "no-such-feature"]) == [
        [True, True, True, "https://page.test"],
        [False, False, False, ""],
    ]
