from __future__ import annotations

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


async def test_a_feature_that_the_host_says_is_refused_is_not_allowed(new_host: NewHost) -> None:
    host = await new_host()
    await host.evaluate(f"""{host.config.resolver}(0, '{{"attributionReporting":false}}'), 0""")
    assert await host.run(FACTS, [OURS, "shared-storage"]) == [[True, False, False, ""], [True, True, True, "*"]]


async def test_other_features_are_the_browsers_affair(shared_host: Host) -> None:
    assert await shared_host.run(FACTS, ["fullscreen", "no-such-feature"]) == [
        [True, True, True, "https://page.test"],
        [False, False, False, ""],
    ]
