"""The channel between pages and the host: calls in, answers out, user activation beside them.

A page's script speaks through a DevTools binding whose random name is gone from the page before the page's first
script runs. Who calls is the execution context of the call, fixed by the browser when it made the realm.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from agent.browser.debug_cookie import DebugCookies
from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.documents import Document, Frame, intermediary
from agent.browser.observer import Observer
from agent.browser.page_script import PageScriptConfig, page_script
from agent.browser.permissions import ATTRIBUTION_REPORTING
from agent.browser.policy_notices import PolicyNotices
from agent.browser.sessions import ExecutionContext, Session
from agent.model.rng import token
from agent.model.settings import Settings
from agent.model.tasks import Tasks

_log = logging.getLogger("tallyhost.channel")
ATTRIBUTION_REPORTING_CALLS = "attributionReporting"
"""What pages' scripts call Attribution Reporting on this channel."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a call: the realm's origin and the document it belongs to."""

    document: Document
    origin: str

    @property
    def intermediary_site(self) -> str | None:
        """Site of the calling realm where it is not same-site with the top level, else None."""
        return intermediary(self.origin, self.document.top.origin)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the page's own script made a page see thrown."""

    name: str
    """A JavaScript error class, the name of a DOMException, or ``exception`` for what code of the page threw."""
    message: str
    """One printable line."""


@dataclass(frozen=True, slots=True)
class PageCall:
    """One call of an API by a page, with its options after WebIDL conversion."""

    caller: Caller
    api: str
    """``attribution`` or ``privateAttribution``."""
    method: str
    options: Mapping[str, Any]
    answer_id: int
    """0 where the page awaits no answer."""
    session: str
    execution_context: int
    refused: Refusal | None = None
    """Set where the call ended in the page; it has no options then."""


class ProfileHost(Protocol):
    """The agent behind one BrowserContext."""

    @property
    def settings(self) -> Settings:
        """What its pages may see."""
        ...

    def page_called(self, call: PageCall) -> None:
        """A page of the profile called; calls come in the order of the page's program."""
        ...

    def user_activated(self, frame: Frame) -> None:
        """A user input event, or a script run by Playwright, activated the top-level ``frame``."""
        ...

    def browser_ui_navigated(self, frame: Frame) -> None:
        """The top-level ``frame`` is navigated as by the address bar."""
        ...

    def navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        """The top-level ``frame`` committed ``document`` in the place of ``before``."""
        ...


class HostChannel:
    """Arms every page and frame of the profiles it serves, and carries their calls."""

    def __init__(self, pipe: DevToolsPipe, observer: Observer, tasks: Tasks) -> None:
        self.profiles: dict[str, ProfileHost] = {}
        """The agents by BrowserContext id; contexts that are nobody's stay as they are."""
        self._pipe = pipe
        self._observer = observer
        self._tasks = tasks
        self._binding, self._activation_binding = f"b{token()}", f"a{token()}"
        self._resolver, self._world = f"r{token()}", f"w{token()}"
        self._realm_event = f"e{token()}"
        self.accept_parameter = f"t{token()[:6]}"
        """Names the parameter in ``Accept`` by which the pages' script marks its requests."""
        self.debug_cookies = DebugCookies(pipe)
        self.policy_notices = PolicyNotices(observer)
        self._scripts: dict[str, str] = {}
        self._activation_script = (
            resources.files("injected_js")
            .joinpath("user_activation.js")
            .read_text("utf-8")
            .replace("__TALLYHOST_BINDING__", self._activation_binding)
        )
        observer.armament = self
        observer.on_navigated.append(self._navigated)
        observer.on_browser_ui_navigation.append(self._browser_ui_navigated)
        observer.on_user_gesture.append(self._user_gesture)
        observer.on_policy.append(self._policy)
        observer.on_realm_kept.append(self._realm_kept)
        pipe.on_browser[b"Runtime.bindingCalled"] = self._called

    def serve(self, context_id: str, profile: ProfileHost) -> None:
        """Serve the pages of a BrowserContext from now on; it must have none yet."""
        settings = profile.settings
        self._scripts[context_id] = page_script(
            PageScriptConfig(
                binding=self._binding,
                resolver=self._resolver,
                realm_event=self._realm_event,
                dialects=settings.dialects,
                services=settings.aggregation_services,
                allow_localhost=settings.limits.allow_localhost,
                attribution_reporting=settings.attribution_reporting,
                accept_parameter=self.accept_parameter,
            )
        )
        self.profiles[context_id] = profile

    def release(self, context_id: str) -> None:
        """The BrowserContext is closed."""
        self.profiles.pop(context_id, None)
        self._scripts.pop(context_id, None)

    def arm(self, session: Session) -> None:
        """See :class:`agent.browser.observer.Armament`."""
        script = self._scripts.get(session.context_id)
        if script is None:
            return
        post = self._pipe.post
        post("Runtime.addBinding", {"name": self._binding}, session.id)
        post("Page.addScriptToEvaluateOnNewDocument", {"source": script, "runImmediately": True}, session.id)
        world = {"name": self._activation_binding, "executionContextName": self._world}
        post("Runtime.addBinding", world, session.id)
        isolated = {"source": self._activation_script, "worldName": self._world, "runImmediately": True}
        post("Page.addScriptToEvaluateOnNewDocument", isolated, session.id)

    def _called(self, raw: bytes) -> bool:
        message = json.loads(raw)
        params = message["params"]
        if params["name"] not in (self._binding, self._activation_binding):
            return False
        session = self._observer.sessions.get(message.get("sessionId", ""))
        context = None if session is None else session.contexts.get(params["executionContextId"])
        frame = None if context is None else self._observer.frames.frames.get(context.frame_id)
        profile = None if session is None else self.profiles.get(session.context_id)
        if session is None or context is None or frame is None or profile is None:
            _log.warning("a call from a realm that is gone was dropped")
            return True
        if params["name"] == self._activation_binding:
            profile.user_activated(frame.top)
        else:
            document = self._observer.frames.initial_document(frame, context.origin)
            profile.page_called(_read_call(params["payload"], document, context, session))
        return True

    def answer(self, call: PageCall, reply: Mapping[str, Any]) -> None:
        """Answer a call; a page that is gone does not hear it."""
        if call.answer_id:
            resolution = self._resolution(call.answer_id, reply, call.execution_context)
            self._pipe.post("Runtime.evaluate", resolution, call.session)

    def _resolution(self, answer_id: int, reply: Mapping[str, Any], execution_context: int) -> Mapping[str, Any]:
        text = json.dumps(json.dumps(reply, separators=(",", ":")))
        expression = f"{self._resolver}({answer_id},{text})"
        return {"expression": expression, "contextId": execution_context, "silent": True}

    def _policy(self, document: Document) -> None:
        allowed = document.parent is None and document.policy.allows(ATTRIBUTION_REPORTING)
        if document.frame.context_id in self.profiles and not allowed:
            self._tasks.start(self._tell_policy(document), "tell a document its policy")

    async def _tell_policy(self, document: Document) -> None:
        """Tell a document that it must do without Attribution Reporting: this Chromium does not know the feature."""
        await document.policy_known()
        if not document.policy.allows(ATTRIBUTION_REPORTING):
            await self._tell(document, {ATTRIBUTION_REPORTING_CALLS: False})
        self.policy_notices.told(document)

    def _realm_kept(self, document: Document) -> None:
        if document.frame.context_id in self.profiles:
            self._tasks.start(self._tell(document, {"newDocument": True}), "tell a kept realm")

    async def _tell(self, document: Document, what: Mapping[str, Any]) -> None:
        """Tell the script of a document something that it did not ask for, and wait until it has heard."""
        session = self._observer.sessions.get(document.frame.session)
        if session is None or document.frame.document is not document:
            return
        for context in list(session.contexts.values()):
            if context.frame_id == document.frame.id and not context.world:
                await self._pipe.call("Runtime.evaluate", self._resolution(0, what, context.id), session.id)

    def _navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.navigated(frame, before, document)

    def _browser_ui_navigated(self, frame: Frame) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.browser_ui_navigated(frame)

    def _user_gesture(self, frame: Frame) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.user_activated(frame)


def _read_call(payload: str, document: Document, context: ExecutionContext, session: Session) -> PageCall:
    call = json.loads(payload)
    refused = call.get("refused")
    return PageCall(
        Caller(document, context.origin),
        call["api"],
        call["method"],
        call.get("options", {}),
        call["id"],
        session.id,
        context.id,
        None if refused is None else Refusal(refused["name"], _printable(refused["message"])),
    )


def _printable(text: str) -> str:
    # A message quotes what the page gave: line ends and control sequences, say, that a terminal would obey.
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
