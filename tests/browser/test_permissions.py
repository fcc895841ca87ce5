"""Permissions policy of the features, computed by the host (Permissions Policy sections 9.5 to 9.8)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from agent.browser.permissions import FEATURES, TOLD_FEATURES, PermissionsPolicy, inherit, parse_allow, parse_header
from agent.runtime import Agent
from tests.browser.ledger import Ledger, site

SELF = "https://news.test"
ADS = "https://ads.test"
SAVE = "save-impression"


@pytest.mark.parametrize(
    ("value", "own", "ads"),
    [
        ("save-impression=()", False, False),
        ("save-impression=(self)", True, False),
        ("save-impression=self", True, False),
        ("save-impression=*", True, True),
        ("save-impression=(*)", True, True),
        ('save-impression=("https://ads.test")', False, True),
        ('save-impression=(self "https://ads.test")', True, True),
        ('save-impression=("https://ads.test:8443")', False, False),
        ('save-impression=("https://sub.ads.test")', False, False),
        ("measure-conversion=()", True, True),
        ("save-impression=(), save-impression=*", True, True),
        ("save-impression=((", True, True),
        ("geolocation=(), save-impression=()", False, False),
    ],
)
def test_a_header_declares_for_whom_a_feature_is_enabled(value: str, own: bool, ads: bool) -> None:
    policy = PermissionsPolicy(SELF, inherit(None, {}, SELF), parse_header([value], SELF))
    assert policy.allows(SAVE) is own
    assert policy.allows(SAVE, ADS) is ads


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize(
    ("value", "allowlist"),
    [
        ("{}=()", []),
        ("{}=*", None),
        ("{}=(self)", [SELF]),
        ('{}=("https://a.test" self)', [SELF, "https://a.test"]),
        ('{}=("https://ads.test")', [ADS]),
        ("other=()", None),
    ],
)
def test_every_feature_has_its_allowlist(feature: str, value: str, allowlist: list[str] | None) -> None:
    declared = parse_header([value.format(feature)], SELF)
    assert PermissionsPolicy(SELF, inherit(None, {}, SELF), declared).allowlist(feature) == allowlist
    forbidden = PermissionsPolicy(SELF, {feature: False}, declared)
    assert (forbidden.allows(feature), forbidden.allowlist(feature)) == (False, [])


def test_several_headers_are_one_list() -> None:
    declared = parse_header(["geolocation=()", "save-impression=()"], SELF)
    assert PermissionsPolicy(SELF, inherit(None, {}, SELF), declared).allows(SAVE) is False


@pytest.mark.parametrize(
    ("allow", "child", "expected"),
    [
        ("", ADS, True),
        ("save-impression", ADS, True),
        ("save-impression", "https://other.test", False),
        ("save-impression 'src'", ADS, True),
        ("save-impression 'none'", ADS, False),
        ("save-impression 'self'", ADS, False),
        ("save-impression 'self'", SELF, True),
        ("save-impression *", "https://other.test", True),
        ("save-impression https://ads.test", ADS, True),
        ("save-impression https://other.test", ADS, False),
        ("save-impression https://other.test https://ads.test", ADS, True),
        ("SAVE-IMPRESSION 'none'", ADS, False),
        ("geolocation; save-impression 'none'; camera", ADS, False),
        ("measure-conversion 'none'", ADS, True),
        ("save-impression", "null", False),
    ],
)
def test_an_iframes_allow_decides_what_its_document_inherits(allow: str, child: str, expected: bool) -> None:
    parent = PermissionsPolicy(SELF, inherit(None, {}, SELF))
    assert inherit(parent, parse_allow(allow, SELF, ADS), child)[SAVE] is expected


def test_a_feature_that_the_parent_may_not_use_is_not_inherited() -> None:
    parent = PermissionsPolicy(SELF, inherit(None, {}, SELF), parse_header(["save-impression=()"], SELF))
    assert inherit(parent, parse_allow("save-impression *", SELF, ADS), ADS)[SAVE] is False


def test_a_feature_that_the_parent_has_for_itself_alone_cannot_be_given_on() -> None:
    parent = PermissionsPolicy(SELF, inherit(None, {}, SELF), parse_header(["save-impression=(self)"], SELF))
    assert inherit(parent, parse_allow("save-impression *", SELF, ADS), ADS)[SAVE] is False
    assert inherit(parent, {}, SELF)[SAVE] is True


def _calling(index: int) -> str:
    """Calls at once, before anything else of the document, and has a response field read."""
    return f"""<script>
        const told = (outcome) => fetch("https://told.test/{index}?" + outcome, {{ mode: "no-cors" }});
        navigator.attribution.saveImpression({{ histogramIndex: 1000 + {index} }})
            .then(() => told("ok"), (error) => told(error.name));
        </script><img src="https://adtech.test/img?top=news.test">"""


class _Outcomes:
    """What became of each document's call: ``ok`` or the exception's name."""

    def __init__(self) -> None:
        self.of: dict[int, str] = {}

    async def tell(self, request: Any) -> Any:
        self.of[int(request.path.strip("/"))] = request.query_string
        return web.Response()

    async def all(self, count: int) -> dict[int, str]:
        async with asyncio.timeout(15):
            while len(self.of) < count:
                await asyncio.sleep(0.02)
        return self.of


@pytest.fixture
async def outcomes(agent: Agent) -> _Outcomes:
    found = _Outcomes()
    agent.map("told.test", site({f"/{index}": found.tell for index in range(10)}))
    return found


@pytest.fixture
async def ledger(agent: Agent) -> Ledger:
    ledger = Ledger()
    agent.map("adtech.test", ledger.app())
    return ledger


@pytest.mark.browser
@pytest.mark.parametrize(
    ("header", "own", "ads"),
    [
        ("save-impression=()", "NotAllowedError", "NotAllowedError"),
        ("save-impression=(self)", "ok", "NotAllowedError"),
        ('save-impression=(self "https://ads.test")', "ok", "ok"),
        ('save-impression=("https://ads.test")', "NotAllowedError", "NotAllowedError"),
    ],
)
async def test_the_header_of_a_page_binds_its_calls_and_responses_and_its_frames(
    agent: Agent, ledger: Ledger, outcomes: _Outcomes, header: str, own: str, ads: str
) -> None:
    page = f'{_calling(1)}<iframe src="/same"></iframe><iframe src="https://ads.test/"></iframe>'
    headers = {"Permissions-Policy": header}
    agent.map("news.test", site({"/": page, "/same": _calling(2)}, headers))
    agent.map("ads.test", site({"/": _calling(3)}))
    await agent.new_page("https://news.test/")
    assert await outcomes.all(3) == {1: own, 2: own, 3: ads}
    assert len(ledger.answered) == 3
    fields = [one for one in await agent.state.impressions() if one.histogram_index < 1000]
    assert len(fields) == [own, own, ads].count("ok")


@pytest.mark.browser
async def test_allow_and_headers_are_inherited_over_three_levels_of_frames(agent: Agent, outcomes: _Outcomes) -> None:
    page = f"""{_calling(1)}
        <iframe allow="save-impression 'none'" src="https://ads.test/?2"></iframe>
        <iframe allow="save-impression 'src'" src="https://ads.test/?4"></iframe>
        <iframe allow="save-impression https://other.test" src="https://ads.test/?6"></iframe>
        <iframe allow="save-impression 'none'" src="/same"></iframe>
    """
    inner = """<script>
        const index = Number(location.search.slice(1));
        const told = (outcome) => fetch(`https://told.test/${index}?` + outcome, { mode: "no-cors" });
        navigator.attribution.saveImpression({ histogramIndex: 1 }).then(() => told("ok"), (e) => told(e.name));
        if (location.host === "ads.test")
            document.write(`<iframe allow="save-impression *" src="https://deep.test/?${index + 1}"></iframe>`);
        </script>"""
    agent.map("news.test", site({"/": page, "/same": _calling(8)}))
    agent.map("ads.test", site({"/": inner}))
    agent.map("deep.test", site({"/": inner}))
    await agent.new_page("https://news.test/")
    refused = "NotAllowedError"
    assert await outcomes.all(8) == {
        1: "ok", 2: refused, 3: refused, 4: "ok", 5: "ok", 6: refused, 7: refused, 8: refused
    }  # fmt: skip


@pytest.mark.browser
async def test_the_header_of_a_frame_binds_it_and_not_the_page(agent: Agent, outcomes: _Outcomes) -> None:
    agent.map("news.test", site({"/": f'{_calling(1)}<iframe src="https://ads.test/"></iframe>'}))
    agent.map("ads.test", site({"/": _calling(2)}, {"Permissions-Policy": "save-impression=()"}))
    await agent.new_page("https://news.test/")
    assert await outcomes.all(2) == {1: "ok", 2: "NotAllowedError"}


@pytest.mark.browser
async def test_a_document_that_replaces_another_has_its_own_policy(agent: Agent, outcomes: _Outcomes) -> None:
    agent.map("news.test", site({"/": _calling(1)}, {"Permissions-Policy": "save-impression=()"}))
    agent.map("shop.test", site({"/": _calling(2)}))
    page = await agent.new_page("https://news.test/")
    await outcomes.all(1)
    await page.goto("https://shop.test/")
    assert await outcomes.all(2) == {1: "NotAllowedError", 2: "ok"}


_POLICY = """() => {
    const policy = document.featurePolicy;
    const ours = /^(shared-storage.*|private-aggregation|attribution-reporting|join-ad-.*|run-ad-.*)$/;
    return [policy.allowedFeatures().filter((name) => ours.test(name)).sort(),
        policy.getAllowlistForFeature("shared-storage")];
}"""


@pytest.mark.browser
async def test_pages_and_their_frames_see_their_policy_before_their_first_script(agent: Agent) -> None:
    now = f"<script>globalThis.seen = ({_POLICY})()</script>"
    frames = """<iframe src="https://ads.test/" allow="private-aggregation 'none'; run-ad-auction"></iframe>
        <iframe src="https://ads.test/own"></iframe>"""
    header = 'shared-storage=(self "https://ads.test"), join-ad-interest-group=(self)'
    agent.map("news.test", site({"/": now + frames}, {"Permissions-Policy": header}))
    own = web.Application()

    async def answer(request: web.Request) -> web.Response:
        headers = {"Permissions-Policy": "shared-storage=()"} if request.path == "/own" else {}
        return web.Response(text=now, content_type="text/html", headers=headers)

    own.router.add_get("/{path:.*}", answer)
    agent.map("ads.test", own)
    page = await agent.new_page("https://news.test/")
    seen = [await frame.evaluate("seen") for frame in page.frames]
    everything = set(TOLD_FEATURES)
    assert [(set(allowed), listed) for allowed, listed in seen] == [
        (everything, ["https://news.test", "https://ads.test"]),
        (everything - {"private-aggregation", "join-ad-interest-group"}, ["*"]),
        (everything - {"shared-storage", "join-ad-interest-group"}, []),
    ]
