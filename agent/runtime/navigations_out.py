"""Which frame it is that navigates its tab, or opens another: those that show a selected URL pay for it.

The browser says for which process' frames a navigation was asked for. Where several frames share the process, what the
request sends as ``Referer`` tells them apart, else where the user acted last, which is where links are clicked. Where
not even that is known the selected URL pays, for a budget must not be got round.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from agent.browser.documents import Document, Frame, FrameTree
from agent.runtime.selected_urls import SelectedUrls

_KEPT = 64


class NavigationsOut:
    """The navigations of one profile's tabs that were asked for."""

    def __init__(self, urls: SelectedUrls, frames: FrameTree) -> None:
        self._urls, self._frames = urls, frames
        self._pending: dict[str, list[Frame]] = {}
        """By URL without fragment, frames of one process of which one asked."""
        self._active: WeakKeyDictionary[Frame, Frame] = WeakKeyDictionary()
        """By top-level frame, the one in its tab in which the user acted last."""

    def user_acted(self, frame: Frame) -> None:
        """The user acted in ``frame``."""
        self._active[frame.top] = frame

    def asked_for(self, session: str, url: str) -> Frame | None:
        """Somewhere in the frames that ``session`` speaks for, a tab's navigation was asked for.

        Gives a frame that shows a selected URL, or stands in one that does, where it must have been that or one in it.
        """
        frames = [frame for frame in self._frames.frames.values() if frame.session == session]
        inside = [frame for frame in frames if self._urls.shown_in(frame) is not None]
        if not inside:
            return None
        shown = {self._urls.shown_in(frame) for frame in inside}
        if len(inside) == len(frames) and len(shown) == 1:
            return inside[0]
        self._pending[url.partition("#")[0]] = frames
        if len(self._pending) > _KEPT:
            del self._pending[next(iter(self._pending))]
        return None

    def sent(self, url: str, referrer: str) -> Frame | None:
        """A navigation of a tab to ``url`` is on the wire; gives the frame, as above, that must have asked for it."""
        frames = [frame for frame in self._pending.pop(url, ()) if _could_send(frame.document, referrer)]
        inside = [frame for frame in frames if self._urls.shown_in(frame) is not None]
        if not inside or len(inside) == len(frames):
            return inside[0] if inside else None
        active = self._active.get(inside[0].top)
        if active in frames:
            return active if active in inside else None
        return inside[0]


def _could_send(document: Document | None, referrer: str) -> bool:
    if document is None:
        return False
    return referrer in ("", document.url.partition("#")[0], f"{document.referrer_origin}/")
