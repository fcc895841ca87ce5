"""Whoever keeps something for a document learns when it takes its place, and when it has ended."""

from __future__ import annotations

import pytest

from agent.browser.documents import Document, Frame, FrameTree

NEWS, ADS = "https://news.test", "https://ads.test"


class Listening:
    """A tree of frames, and what was told of its documents."""

    def __init__(self) -> None:
        self.tree = FrameTree()
        self.committed: list[str] = []
        self.ended: list[str] = []
        self.tree.on_committed.append(lambda document: self.committed.append(document.loader_id))
        self.tree.on_unloaded.append(lambda document: self.ended.append(document.loader_id))
        self.top = self.frame("T", "one")

    def frame(self, name: str, session: str, parent: str | None = None) -> Frame:
        return self.tree.add(name, "context", session, parent)

    def load(self, frame: Frame, loader: str, origin: str = NEWS) -> Document:
        return self.tree.commit(frame, loader, f"{origin}/", origin, secure=True)


@pytest.fixture
def listening() -> Listening:
    """A tab with one document, and an iframe in it that has another process."""
    made = Listening()
    made.load(made.top, "top")
    made.load(made.frame("C", "two", "T"), "child", ADS)
    return made


def test_a_document_that_takes_its_place_is_told(listening: Listening) -> None:
    assert listening.committed == ["top", "child"]
    assert listening.ended == []


def test_a_navigation_ends_the_document_before_it_and_those_inside_it(listening: Listening) -> None:
    listening.load(listening.top, "next")
    assert listening.ended == ["child", "top"]


def test_a_frame_that_is_removed_ends_its_document(listening: Listening) -> None:
    listening.tree.remove("C")
    assert listening.ended == ["child"]


def test_a_crash_ends_the_documents_of_its_process_once(listening: Listening) -> None:
    listening.tree.crashed("two")
    assert listening.ended == ["child"]
    listening.load(listening.tree.frames["C"], "reloaded", ADS)
    listening.tree.crashed("none of these")
    assert listening.ended == ["child"], "it is not told again when it is replaced"
    assert listening.tree.frames["C"].document is not None
    assert listening.tree.frames["C"].document.unloaded_at is None
