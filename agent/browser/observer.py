"""Keeps sessions and frames true from what passes on the DevTools pipe, and arms every target before it runs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.documents import OPAQUE, Document, Frame, FrameTree, origin_of
from agent.browser.marks import COUNT, accept_language
from agent.browser.permissions import parse_allow
from agent.browser.sessions import ExecutionContext, RequestFacts, Session, request_id_of
from agent.model.tasks import Tasks

_OPAQUE_CONTEXT = "://"
"""How DevTools writes the origin of an opaque execution context."""
_KEPT_AFTER_DETACH = 32
_KEPT_ON_WIRE = 8192
_KEPT_SHARED_WORKERS = 1024


class Armament(Protocol):
    """What is put into every page and frame before its first script."""

    def arm(self, session: Session) -> None:
        """Post the commands for a target that waits to run."""
        ...


class Observer:
    """The sessions and frames of one browser."""

    def __init__(self, pipe: DevToolsPipe, tasks: Tasks) -> None:
        self.frames = FrameTree()
        self.sessions: dict[str, Session] = {}
        self.ended_sessions: deque[Session] = deque(maxlen=_KEPT_AFTER_DETACH)
        """Sessions that ended lately, newest last."""
        self.shared_workers: deque[tuple[str, str]] = deque(maxlen=_KEPT_SHARED_WORKERS)
        """BrowserContext and origin of shared workers there have been. Playwright lets go of them as they start: what
        they ask for is mostly neither announced nor marked, and nobody tells of their end."""
        self.armament: Armament | None = None
        self.context_by_proxy: dict[str, str] = {}
        """BrowserContext ids by the proxy server that each was made with."""
        self.on_navigated: list[Callable[[Frame, Document | None, Document], None]] = []
        """Called at a commit in a top-level frame, with the document before it and the new one."""
        self.on_browser_ui_navigation: list[Callable[[Frame], None]] = []
        """Called when Playwright navigates a top-level frame, as a person would by the address bar."""
        self.on_user_gesture: list[Callable[[Frame], None]] = []
        """Called when Playwright runs a script in a page or frame as if the user had just acted there."""
        self.on_script_given: list[Callable[[Session, bytes], None]] = []
        """Called with the command by which Playwright gives a page a script, which the front never sees."""
        self.on_realm_kept: list[Callable[[Document], None]] = []
        """Called when a document begins in a realm that is there already, in which no script is run anew: that of the
        empty one before it, or its own, emptied by ``document.open``."""
        self.on_policy: list[Callable[[Document], None]] = []
        """Called when a document has got its realm, or when its permissions policy turns out to be another."""
        self.on_frame_navigation_asked: list[Callable[[Frame, str], None]] = []
        """Called when a script or a click asks to navigate a frame that is not a top-level one, with the URL."""
        self.on_tab_navigation_asked: list[Callable[[Session, str], None]] = []
        """Called when a script or a click asks to navigate a top-level frame, or to open one, with the session that
        speaks for where that was, and the URL."""
        self._pipe = pipe
        self._tasks = tasks
        self._last_mark: dict[str, int] = {}
        self._on_wire: dict[bytes, None] = {}
        pipe.on_client |= {
            b"Runtime.runIfWaitingForDebugger": self._before_run,
            b"Target.createBrowserContext": self._context_asked,
            b"Page.navigate": self._browser_ui,
            b"Page.reload": self._browser_ui,
            b"Page.navigateToHistoryEntry": self._browser_ui,
            b"Runtime.callFunctionOn": self._script_run,
            b"Runtime.evaluate": self._script_given,
            b"Page.addScriptToEvaluateOnNewDocument": self._script_given,
        }
        for method, listener in {
            b"Target.attachedToTarget": self._attached,
            b"Target.detachedFromTarget": self._detached,
            b"Runtime.executionContextCreated": self._context_created,
            b"Runtime.executionContextDestroyed": self._context_destroyed,
            b"Runtime.executionContextsCleared": self._contexts_cleared,
            b"Page.frameAttached": self._frame_attached,
            b"Page.frameNavigated": self._frame_navigated,
            b"Page.frameDetached": self._frame_detached,
            b"Page.documentOpened": self._document_opened,
            b"Inspector.targetCrashed": self._crashed,
            b"Page.frameRequestedNavigation": self._navigation_asked,
            b"Page.windowOpen": self._tab_navigation_asked,
        }.items():
            pipe.on_browser[method] = _parsed(listener)
        read_response = _parsed(self._response_received)
        pipe.on_browser[b"Network.responseReceived"] = lambda raw: b'"type":"Document"' in raw and read_response(raw)
        for method, note in {
            b"Network.requestWillBeSent": Session.announce,
            b"Network.loadingFinished": Session.finished,
        }.items():
            pipe.on_browser[method] = self._noted(note)
        pipe.on_browser[b"Network.requestWillBeSentExtraInfo"] = self._sent

    def _noted(self, note: Callable[[Session, bytes], None]) -> Callable[[bytes], bool]:
        """A listener that files a raw network event with its session, unread: most are never asked for."""

        def listen(raw: bytes) -> bool:
            if (session := self._session_of(raw)) is not None:
                note(session, raw)
            return False

        return listen

    def _sent(self, raw: bytes) -> bool:
        # A popup's first document has its requests announced in its own session, and sent in its opener's.
        self._on_wire[request_id_of(raw)] = None
        if len(self._on_wire) > _KEPT_ON_WIRE:
            del self._on_wire[next(iter(self._on_wire))]
        return False

    def went_on_wire(self, facts: RequestFacts) -> bool:
        """Whether the network service sent this request (a service worker's answer never gets there)."""
        return facts.request_id.encode() in self._on_wire

    def _session_of(self, raw: bytes) -> Session | None:
        start = raw.rfind(b'"sessionId":"') + 13
        return self.sessions.get(raw[start : raw.find(b'"', start)].decode("ascii", "replace"))

    async def caught_up(self, session: str | None = None) -> None:
        """Wait until all is known here that the browser, or the page behind ``session``, knew when this was called."""
        await self._pipe.caught_up(session)

    def marked(self, mark: int, context_id: str) -> Session | None:
        """The session of a BrowserContext whose requests carry ``mark``; None for 0, which is no mark."""
        if not mark:
            return None
        return next((s for s in self.sessions.values() if s.mark == mark and s.context_id == context_id), None)

    def documents(self, context_id: str) -> list[Document]:
        """The documents that stand in the frames of a BrowserContext now."""
        return [f.document for f in self.frames.frames.values() if f.context_id == context_id and f.document]

    # Commands of Playwright, seen before the browser has them.

    def _before_run(self, raw: bytes) -> None:
        session = self._session_of(raw)
        if session is None or session.mark:
            return
        last = self._last_mark.get(session.context_id, 0)
        in_use = {other.mark for other in self.sessions.values() if other.context_id == session.context_id}
        # 0 when all are in use: the session's requests are then found without a mark.
        session.mark = next((m for i in range(COUNT) if (m := (last + i) % COUNT + 1) not in in_use), 0)
        self._last_mark[session.context_id] = session.mark
        domain = "Emulation" if session.is_document else "Network"
        override = {"userAgent": "", "acceptLanguage": accept_language(session.mark)}
        self._pipe.post(f"{domain}.setUserAgentOverride", override, session.id)
        if session.is_document and self.armament is not None:
            self.armament.arm(session)

    def _context_asked(self, raw: bytes) -> None:
        message = json.loads(raw)
        proxy = message["params"].get("proxyServer", "")

        def answered(answer: dict[str, Any]) -> None:
            if "result" in answer:
                self.context_by_proxy[proxy] = answer["result"]["browserContextId"]

        self._pipe.on_client_answer[message["id"]] = answered

    def _browser_ui(self, raw: bytes) -> None:
        message, session = json.loads(raw), self._session_of(raw)
        frame = None if session is None else self.frames.frames.get(session.target_id)
        if frame is not None and message.get("params", {}).get("frameId", frame.id) == frame.id:
            for listener in self.on_browser_ui_navigation:
                listener(frame)

    def _script_given(self, raw: bytes) -> None:
        if (session := self._session_of(raw)) is not None:
            for listener in self.on_script_given:
                listener(session, raw)

    def _script_run(self, raw: bytes) -> None:
        self._script_given(raw)
        if b'"userGesture":true' not in raw or (session := self._session_of(raw)) is None:
            return
        if (frame := self.frames.frames.get(session.target_id)) is not None:
            for listener in self.on_user_gesture:
                listener(frame.top)

    # Events of the browser.

    def _attached(self, _session: str, params: dict[str, Any]) -> None:
        target = params["targetInfo"]
        session = Session(params["sessionId"], target["targetId"], target["type"], target.get("browserContextId", ""))
        self.sessions[session.id] = session
        worker = session.context_id, origin_of(target["url"], target["url"])
        if session.type == "shared_worker" and worker not in self.shared_workers:
            self.shared_workers.append(worker)
        if session.is_document:
            frame = self.frames.add(
                session.target_id, session.context_id, session.id, target.get("parentFrameId") or target.get("parentId")
            )
            frame.opener = self.frames.frames.get(target.get("openerFrameId") or target.get("openerId") or "")

    def _detached(self, _session: str, params: dict[str, Any]) -> None:
        session = self.sessions.pop(params["sessionId"], None)
        if session is None:
            return
        session.forget_requests()
        self._pipe.session_ended(session.id)
        self.ended_sessions.append(session)
        if session.is_document:
            frame = self.frames.frames.get(session.target_id)
            if frame is not None and frame.session == session.id:
                self._tasks.start(self._leave(frame, session), "remove frame")

    async def _leave(self, frame: Frame, session: Session) -> None:
        """Remove the frame of a session that ended, unless another session has taken it over by then."""
        # An iframe that goes back to its parent's process ends its session too; the parent's session then tells.
        if frame.parent is not None:
            await self._pipe.caught_up()
            await self._pipe.call("Page.enable", {}, frame.parent.session)
        if frame.session == session.id:
            self.frames.remove(frame.id)

    def _context_created(self, session_id: str, params: dict[str, Any]) -> None:
        session, context = self.sessions.get(session_id), params["context"]
        frame_id = context.get("auxData", {}).get("frameId", "")
        if session is None or not frame_id:
            return
        origin = OPAQUE if context["origin"] in (_OPAQUE_CONTEXT, "") else context["origin"]
        session.contexts[context["id"]] = ExecutionContext(context["id"], origin, frame_id, context["name"])
        frame = self.frames.frames.get(frame_id)
        if frame is not None and context["auxData"].get("isDefault"):
            is_new = frame.document is None
            document = self.frames.initial_document(frame, origin)
            if is_new and frame.parent is not None:
                self._read_container(frame, document)
            # A frame's security origin is its URL's; only the realm knows what about:blank and srcdoc inherited.
            document.origin = origin
            self._policy_told(document)

    def _policy_told(self, document: Document) -> None:
        for listener in self.on_policy:
            listener(document)

    def _context_destroyed(self, session_id: str, params: dict[str, Any]) -> None:
        if (session := self.sessions.get(session_id)) is not None:
            session.contexts.pop(params["executionContextId"], None)

    def _contexts_cleared(self, session_id: str, _params: dict[str, Any]) -> None:
        if (session := self.sessions.get(session_id)) is not None:
            session.contexts.clear()

    def _frame_attached(self, session_id: str, params: dict[str, Any]) -> None:
        if (session := self.sessions.get(session_id)) is not None:
            frame = self.frames.add(params["frameId"], session.context_id, session_id, params["parentFrameId"])
            parent = frame.parent.document if frame.parent else None
            if parent is not None:
                self._read_container(frame, self.frames.initial_document(frame, parent.origin))

    def _frame_navigated(self, session_id: str, params: dict[str, Any]) -> None:
        session, facts = self.sessions.get(session_id), params["frame"]
        if session is None:
            return
        frame = self.frames.add(facts["id"], session.context_id, session_id, facts.get("parentId"))
        before = frame.document
        document = self._commit(session, frame, facts)
        if any(context.frame_id == frame.id and not context.world for context in session.contexts.values()):
            for kept in self.on_realm_kept:
                kept(document)
            self._policy_told(document)
        if frame.parent is None:
            for listener in self.on_navigated:
                listener(frame, before, document)
        else:
            self._read_container(frame, document, before)

    def _commit(self, session: Session, frame: Frame, facts: dict[str, Any]) -> Document:
        origin = OPAQUE if facts["securityOrigin"] in (_OPAQUE_CONTEXT, "") else facts["securityOrigin"]
        if facts["url"].startswith("about:"):
            # The realm of a first, empty document lives on in the one that takes its place.
            realms = [c.origin for c in session.contexts.values() if c.frame_id == frame.id and not c.world]
            origin = realms[-1] if realms else origin
        secure = facts["secureContextType"].startswith("Secure")
        return self.frames.commit(frame, facts["loaderId"], facts["url"], origin, secure)

    def _read_container(self, frame: Frame, document: Document, before: Document | None = None) -> None:
        """Read the ``allow`` attribute of the iframe that a new document stands in, in the place of ``before``."""
        reading = self._tasks.start(self._container(frame, document, before), "read iframe allow")
        reading.add_done_callback(lambda _: document.container_known.set())

    async def _container(self, frame: Frame, document: Document, before: Document | None) -> None:
        parent, above = frame.parent, document.parent
        assert parent is not None
        assert above is not None
        owner = await self._pipe.call("DOM.getFrameOwner", {"frameId": frame.id}, parent.session)
        found = {"backendNodeId": owner.get("backendNodeId", 0)}
        answer = await self._pipe.call("DOM.describeNode", found, parent.session)
        if (node := answer.get("node")) is None:
            if before is not None:
                # The iframe is gone by now; it most likely allowed this document what it allowed the one before.
                await before.policy_known()
                document.container, document.in_writable_frame = before.container, before.in_writable_frame
            return
        pairs = iter(node.get("attributes", []))
        attributes = dict(zip(pairs, pairs, strict=True))
        source = origin_of(attributes.get("src", ""), above.url)
        document.container = parse_allow(attributes.get("allow", ""), above.origin, source)
        document.in_writable_frame = "sharedstoragewritable" in attributes

    def _document_opened(self, _session: str, params: dict[str, Any]) -> None:
        frame = self.frames.frames.get(params["frame"]["id"])
        if frame is not None and frame.document is not None:
            for kept in self.on_realm_kept:
                kept(frame.document)

    def _crashed(self, session_id: str, _params: dict[str, Any]) -> None:
        self.frames.crashed(session_id)

    def _navigation_asked(self, session_id: str, params: dict[str, Any]) -> None:
        frame = self.frames.frames.get(params["frameId"])
        if frame is None:
            return
        if frame.parent is None:
            self._tab_navigation_asked(session_id, params)
        else:
            for listener in self.on_frame_navigation_asked:
                listener(frame, params["url"])

    def _tab_navigation_asked(self, session_id: str, params: dict[str, Any]) -> None:
        if (session := self.sessions.get(session_id)) is not None:
            for listener in self.on_tab_navigation_asked:
                listener(session, params["url"])

    def _frame_detached(self, _session: str, params: dict[str, Any]) -> None:
        if params.get("reason") != "swap":
            self.frames.remove(params["frameId"])

    def _response_received(self, _session: str, params: dict[str, Any]) -> None:
        if params["type"] == "Document":
            headers = params["response"]["headers"]
            values = [value for name, value in headers.items() if name.lower() == "permissions-policy"]
            if values and (document := self.frames.declare_policy(params["loaderId"], params["frameId"], values)):
                self._policy_told(document)


def _parsed(listener: Callable[[str, dict[str, Any]], None]) -> Callable[[bytes], bool]:
    def listen(raw: bytes) -> bool:
        message = json.loads(raw)
        listener(message.get("sessionId", ""), message["params"])
        return False

    return listen
