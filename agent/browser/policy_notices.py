"""Tells a document, before its first script, that its permissions policy forbids what this Chromium does not know.

The front sees what a response declares before the browser does, and holds the response until the notice is in place. A
frame that gets a session of its own only when it is committed is told a moment later, by its realm.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.documents import Document, origin_of
from agent.browser.network.hooks import Exchange
from agent.browser.observer import Observer
from agent.browser.permissions import ATTRIBUTION_REPORTING, inherit, parse_header
from agent.browser.request_client import Sender
from agent.browser.sessions import Session

_KEPT = 64
_SCRIPT = 'if (location.href.split("#")[0] === {url}) {notice}'


@dataclass(frozen=True, slots=True)
class _Notice:
    session: str
    url: str
    identifier: str


class PolicyNotices:
    """The notices of one browser; ``notice`` is the script that tells a document."""

    def __init__(self, pipe: DevToolsPipe, observer: Observer, notice: str) -> None:
        self._pipe, self._observer, self._notice = pipe, observer, notice
        self._in_place: deque[_Notice] = deque(maxlen=_KEPT)

    async def before_load(self, exchange: Exchange, context_id: str, sender: Sender) -> None:
        """See to it that the document that ``exchange`` brings knows what its policy forbids."""
        sessions = self._observer.sessions.values()
        marked = (s for s in sessions if s.context_id == context_id and s.mark == sender.mark and s.is_document)
        session = next(marked, None)
        if session is None or not sender.mark or self._is_allowed(exchange, session):
            return
        script = _SCRIPT.format(url=json.dumps(exchange.url), notice=self._notice)
        answer = await self._pipe.call("Page.addScriptToEvaluateOnNewDocument", {"source": script}, session.id)
        if "identifier" in answer:
            self._in_place.append(_Notice(session.id, exchange.url, answer["identifier"]))

    def loaded(self, document: Document) -> None:
        """The document has its realm: what was in place for it has run, and must not for another."""
        url = document.url.partition("#")[0]
        for notice in [one for one in self._in_place if one.url == url and one.session == document.frame.session]:
            self._in_place.remove(notice)
            identifier = {"identifier": notice.identifier}
            self._pipe.post("Page.removeScriptToEvaluateOnNewDocument", identifier, notice.session)

    def _is_allowed(self, exchange: Exchange, session: Session) -> bool:
        origin = origin_of(exchange.url, exchange.url)
        values = [value.decode("latin-1") for value in exchange.response_headers.get_all(b"permissions-policy")]
        declared = parse_header(values, origin).get(ATTRIBUTION_REPORTING)
        if declared is not None and not declared.matches(origin):
            return False
        if exchange.request_headers.get(b"sec-fetch-dest") == b"document":
            return True
        announced = session.matching(exchange.url, exchange.method)
        frames = [self._observer.frames.frames.get(facts.frame_id) for _, facts in announced]
        frame = next((one for one in frames if one is not None and one.parent is not None), None)
        if frame is None or frame.document is None or frame.document.parent is None:
            return True
        if not frame.document.container_known.is_set():
            return True  # a busy page must not hold its frames up; their realms are told
        return inherit(frame.document.parent.policy, frame.document.container, origin)[ATTRIBUTION_REPORTING]
