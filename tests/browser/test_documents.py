"""Documents and frames: who is the top level, and what is kept of documents that are gone."""

from __future__ import annotations

import asyncio

import pytest

from agent.browser.documents import OPAQUE, FrameTree, intermediary, origin_of

NEWS, ADS = "https://news.test", "https://ads.test"


@pytest.mark.parametrize(
    ("origin", "top", "expected"),
    [
        (NEWS, NEWS, None),
        ("https://www.news.test", NEWS, None),
        ("https://news.test:8443", NEWS, None),
        (ADS, NEWS, "ads.test"),
        ("http://news.test", NEWS, "news.test"),
        (OPAQUE, NEWS, "null"),
        (OPAQUE, OPAQUE, "null"),
    ],
)
def test_the_intermediary_is_a_site_that_is_not_same_site_with_the_top_level(
    origin: str, top: str, expected: str | None
) -> None:
    assert intermediary(origin, top) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/path", NEWS),
        ("//ads.test/", ADS),
        ("data:text/html,", OPAQUE),
        ("blob:https://ads.test/1", ADS),
        ("http://[", OPAQUE),
    ],
)
def test_the_origin_of_a_url_is_taken_relative_to_its_document(url: str, expected: str) -> None:
    assert origin_of(url, f"{NEWS}/page") == expected


def test_a_document_stays_under_the_top_level_of_its_commit() -> None:
    tree = FrameTree()
    top = tree.add("T", "context", "session")
    tree.commit(top, "1", f"{NEWS}/", NEWS, secure=True)
    child = tree.add("C", "context", "session", "T")
    inner = tree.commit(child, "2", f"{ADS}/", ADS, secure=True)
    tree.commit(top, "3", "https://shop.test/", "https://shop.test", secure=True)
    assert (inner.top_level_site, inner.intermediary_site) == ("news.test", "ads.test")
    assert "C" not in tree.frames, "the frames inside a document go with it"
    assert [document.loader_id for document in tree.unloaded] == ["2", "1"]


def test_a_frame_whose_parent_is_not_known_is_never_taken_for_a_top_level_one() -> None:
    tree = FrameTree()
    orphan = tree.add("C", "context", "session", "never seen")
    document = tree.commit(orphan, "1", f"{ADS}/", ADS, secure=True)
    assert document.top is not document
    assert document.top_level_site == "null"


def test_a_frame_that_is_removed_takes_all_frames_inside_it() -> None:
    tree = FrameTree()
    for name, parent in (("T", None), ("A", "T"), ("B", "A"), ("C", "B"), ("D", "T")):
        tree.add(name, "context", "session", parent)
    tree.remove("A")
    assert set(tree.frames) == {"T", "D"}


def test_documents_without_a_url_refer_as_the_one_that_they_stand_in() -> None:
    tree = FrameTree()
    page = tree.commit(tree.add("T", "context", "s"), "1", f"{NEWS}/a", NEWS, secure=True)
    inside = tree.commit(tree.add("C", "context", "s", "T"), "2", "about:srcdoc", OPAQUE, secure=True)
    sandboxed = tree.commit(tree.add("D", "context", "s", "T"), "3", f"{ADS}/", OPAQUE, secure=True)
    assert [document.referrer_origin for document in (page, inside, sandboxed)] == [NEWS, NEWS, ADS]


def test_policy_headers_of_documents_that_never_come_do_not_pile_up() -> None:
    tree = FrameTree()
    for number in range(1000):
        tree.declare_policy(f"loader {number}", "frame", ["save-impression=()"])
    assert len(tree.policy_headers) <= 256
    assert "loader 999" in tree.policy_headers


async def test_a_frames_policy_denies_until_its_iframe_was_looked_at() -> None:
    tree = FrameTree()
    tree.commit(tree.add("T", "context", "s"), "1", f"{NEWS}/", NEWS, secure=True)
    inner = tree.commit(tree.add("C", "context", "s", "T"), "2", f"{ADS}/", ADS, secure=True)
    assert inner.policy.allows("save-impression") is False
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inner.policy_known()
    inner.container = {}
    inner.container_known.set()
    await inner.policy_known()
    assert inner.policy.allows("save-impression") is True
